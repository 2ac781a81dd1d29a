/* Classes of the fields of forms: what roles show, what definitions say. */
#ifndef IDENTITY_FIELD_CLASS_H
#define IDENTITY_FIELD_CLASS_H

/* What a field of a form holds; who lacks a class sees a mask. */
enum field_class {
	CLASS_BASIC,     /* what was applied for */
	CLASS_PERSONAL,  /* who somebody is, where they live, how they are reached */
	CLASS_SENSITIVE, /* 要配慮個人情報 (個人情報保護法 第2条第3項) */
	CLASS_NUMBER,    /* 個人番号 */
	CLASS_COUNT
};
const char *field_class_name(enum field_class); /* basic, personal, sensitive, my-number */
int field_class_parse(const char *name);        /* -1: none of them */

#endif
