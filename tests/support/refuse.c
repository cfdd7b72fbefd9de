/*
 * A filter of one comparison, and a child to have it in.
 */
#include "support/refuse.h"

#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "support/child.h"
#include "support/main.h"

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

bool refuse_system_call(long number, int error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

void refuse_or_skip(const struct refusal *refusal)
{
    if (!refuse_system_call(refusal->number, refusal->error))
        _exit(77);
}

/* A sanitizer's own allocator maps pages, and ends the program where it can't. */
static bool breaks_the_sanitizer(const struct refusal *refusal)
{
#ifdef SANITIZED
    return refusal->number == SYS_mmap;
#else
    (void)refusal;
    return false;
#endif
}

/* valgrind answers for the limits itself, and needs pages too. */
static bool is_valgrinds(const struct refusal *refusal)
{
    return RUNNING_ON_VALGRIND && (refusal->number == SYS_prlimit64 || refusal->number == SYS_mmap);
}

void assert_refused_in_child(void (*body)(void *argument), const struct refusal *refusal)
{
    struct child child;
    struct refusal copy = *refusal;
    if (breaks_the_sanitizer(refusal) || is_valgrinds(refusal))
        return;
    run_in_child(&child, body, &copy);
    if (WIFEXITED(child.status) && WEXITSTATUS(child.status) == 77)
        skip();
    if (!child_succeeded(&child))
        print_message("%s refused: %s", refusal->name, child.text);
    assert_true(child_succeeded(&child));
}
