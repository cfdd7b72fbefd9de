/*
 * The door to another process's memory: by the kernel's copies between processes (process_vm_readv(2)), which a process is
 * allowed of its own children unless that was forbidden altogether. Nothing is remembered: its mappings change unseen.
 */
#include <errno.h>
#include <sys/uio.h>

#include "engine/user.h"
#include "engine/user_other.h"

#define PAGE_SIZE_BYTES ((uintptr_t)4096)

/* What a call refuses or leaves undone is at a bad address, or the process is gone. */
static int copy(const struct sri_user *user, struct iovec here, struct iovec there, bool writes)
{
    int saved = errno;
    while (here.iov_len > 0) {
        ssize_t count = writes ? process_vm_writev(user->process, &here, 1, &there, 1, 0)
                               : process_vm_readv(user->process, &here, 1, &there, 1, 0);
        if (count <= 0)
            break;
        here.iov_base = (char *)here.iov_base + count;
        here.iov_len -= (size_t)count;
        there.iov_base = (char *)there.iov_base + count;
        there.iov_len -= (size_t)count;
    }
    errno = saved;
    return here.iov_len == 0 ? 0 : -EFAULT;
}

int sri_user_other_in(const struct sri_user *user, void *to, const void *from, size_t length)
{
    return copy(user, (struct iovec){to, length}, (struct iovec){(void *)(uintptr_t)from, length}, false);
}

int sri_user_other_out(const struct sri_user *user, void *to, const void *from, size_t length)
{
    return copy(user, (struct iovec){(void *)(uintptr_t)from, length}, (struct iovec){to, length}, true);
}

int sri_user_other_check(const struct sri_user *user, const void *begin, size_t length)
{
    uintptr_t at = (uintptr_t)begin;
    uintptr_t end;
    char byte;
    if (__builtin_add_overflow(at, length, &end))
        return -EFAULT;
    for (; at < end; at = (at | (PAGE_SIZE_BYTES - 1)) + 1) {
        if (sri_user_other_in(user, &byte, (const void *)at, 1) != 0)
            return -EFAULT;
    }
    return 0;
}
