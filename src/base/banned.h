/* Functions that have a safe twin here. Including this header makes their use a compile error;
 * the build includes it everywhere. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#ifndef __ASSEMBLER__ /* the build gives it to assembler files too */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok
#pragma GCC poison gmtime localtime ctime asctime atoi atol atoll tmpnam mktemp

#endif
#endif
