/*
 * What user.c does where the memory is another process's.
 */
#ifndef SRI_ENGINE_USER_OTHER_H
#define SRI_ENGINE_USER_OTHER_H

#include "engine/user.h"

/* 0 or -EFAULT; where a copy fails, a part may have been copied. */
int sri_user_other_in(const struct sri_user *user, void *to, const void *from, size_t length);
int sri_user_other_out(const struct sri_user *user, void *to, const void *from, size_t length);
/* May it be read? Whether it may be written is found when it is. */
int sri_user_other_check(const struct sri_user *user, const void *begin, size_t length);

#endif
