/* 支援措置 (protected persons): whose records are open to those named only. */
#ifndef IDENTITY_PROTECT_H
#define IDENTITY_PROTECT_H

#include "identity/identity.h"

/* Is this resident's account (0: none) hidden from the staff member (0: from everybody) today? On
 * an error: yes. */
bool protect_hides_account(struct db *, int64_t account, int64_t staff);
/* Where the mails of a protected person go instead: 1 and *mail ("": nowhere), 0 not protected, <0.
 */
int protect_mail(struct db *, struct arena *, int64_t person, char **mail, struct err *);

/* The people whom somebody may ask nothing about: the account's person is another party (相手方) of
 * theirs. */
struct protect_subject {
	int64_t block;
	const char *name, *name_key, *birthday;
};
/* The count or <0; on the arena. */
int protect_subjects_for_party(
    struct db *, struct arena *, int64_t person, struct protect_subject **out, struct err *);
/* Tells those named that another party asked about the person. Inside a write. */
int protect_tell_asked(struct db *, int64_t block, struct err *);

/* May the staff member work with this protection: named, and it is there? 1, 0, <0. */
int protect_named(struct db *, int64_t block, int64_t staff, struct err *);
/* Those whom a protection is for; on the arena, the count or <0. */
int protect_subjects(
    struct db *, struct arena *, int64_t block, struct protect_subject **out, struct err *);

/* The daily tasks: mails 60, 30 and 0 days before the end. Each mail once. */
int protect_sweep(struct store *, struct err *);

extern const struct module protect_module;

#endif
