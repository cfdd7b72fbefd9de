/*
 * The second front end: system calls caught from below, for programs that make them without liburing's functions. A
 * seccomp filter turns io_uring's calls and the mappings of a ring into SIGSYS, whose handler answers.
 *
 * Nothing that a program's loader calls is caught, since it runs before the handler is there in a program that another one
 * became. So close(2) and munmap(2), which every loader calls, and whatever polls, are caught at the program's own instructions
 * only (trap_sites.h); its calls of the C library's functions are stood in for. A ring that is closed by whatever else is missed
 * when the next one is opened (kernel.c).
 *
 * The filter stays for the life of the process and is inherited, by exec too: whoever is started later must have the watcher
 * preloaded as well. A thread that blocks SIGSYS is ended by the kernel at its first such call.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "run/agent.h"
#include "run/detect.h"
#include "run/trap.h"
#include "run/trap_sites.h"

#if defined(__x86_64__)

#define TRAPPED_BY_FILTER 1 /* si_code: SYS_SECCOMP */

/* A system call that the filter lets pass: it knows the address behind the instruction. */
long sri_trap_call(long number, long a, long b, long c, long d, long e, long f);
extern const char sri_trap_called[];

__asm__(".text\n"
        ".type sri_trap_call, @function\n"
        "sri_trap_call:\n"
        "    mov %rdi, %rax\n"
        "    mov %rsi, %rdi\n"
        "    mov %rdx, %rsi\n"
        "    mov %rcx, %rdx\n"
        "    mov %r8, %r10\n"
        "    mov %r9, %r8\n"
        "    mov 8(%rsp), %r9\n"
        "    syscall\n"
        "sri_trap_called:\n"
        "    ret\n"
        ".size sri_trap_call, . - sri_trap_call\n");

/* The program unmaps what it was given as it likes, so it gets a mapping of its own of the same memory; at no place of its choice
 * (measured). */
static long map_ring(const struct sr_backend *kernel, const long *arguments)
{
    void *memory = NULL;
    size_t length = (size_t)arguments[1];
    if (arguments[0] != 0)
        return -EINVAL;
    int rc = kernel->vtable->map(kernel->self, (int)arguments[4], (uint64_t)arguments[5], length, &memory);
    if (rc != 0)
        return rc;
    void *alias = mremap(memory, 0, (length + 4095) & ~(size_t)4095, MREMAP_MAYMOVE);
    long result = alias == MAP_FAILED ? -errno : (long)(uintptr_t)alias;
    kernel->vtable->unmap(kernel->self, memory, length);
    return result;
}

long sri_trap_map(const long *arguments)
{
    const struct sr_backend *kernel = sri_uring_host_if_made();
    if (kernel != NULL && sri_uring_is_ring((int)arguments[4]))
        return map_ring(kernel, arguments);
    return sri_trap_call(SYS_mmap, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                         arguments[5]);
}

static long setup(const long *arguments)
{
    int rc = 0;
    const struct sr_backend *kernel = sri_uring_host(&rc);
    struct io_uring_params *params = (struct io_uring_params *)(uintptr_t)arguments[1];
    if (kernel == NULL)
        return rc;
    return sri_uring_setup(kernel, (unsigned)arguments[0], params);
}

static long close_one(const long *arguments, const void *frame, const void *site)
{
    int rc = 0;
    if (sri_uring_close((int)arguments[0], frame, site, &rc))
        return rc;
    return sri_trap_call(SYS_close, arguments[0], 0, 0, 0, 0, 0);
}

static long unmap(const long *arguments, const void *frame, const void *site)
{
    sri_release_mapping((const void *)(uintptr_t)arguments[0], (size_t)arguments[1], frame, site);
    return sri_trap_call(SYS_munmap, arguments[0], arguments[1], 0, 0, 0, 0);
}

/* Whatever it is that polls. */
static long polls(int number, const long *arguments)
{
    sri_agent_go_on();
    long found = sri_trap_call(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                               arguments[5]);
    if (found > 0)
        sri_agent_go_on();
    return found;
}

static long answer(int number, const long *arguments, const void *frame, const void *site)
{
    switch (number) {
    case SYS_mmap: return sri_trap_map(arguments);
    case SYS_munmap: return unmap(arguments, frame, site);
    case SYS_close: return close_one(arguments, frame, site);
    case SYS_poll:
    case SYS_ppoll:
    case SYS_select:
    case SYS_pselect6:
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2: return polls(number, arguments);
    case SYS_io_uring_setup: sri_agent.page->trapped++; return setup(arguments);
    case SYS_io_uring_enter:
        sri_agent.page->trapped++;
        return sri_uring_enter(NULL, (int)arguments[0], (unsigned)arguments[1], (unsigned)arguments[2],
                               (unsigned)arguments[3], (const void *)(uintptr_t)arguments[4],
                               (size_t)arguments[5], frame, site);
    case SYS_io_uring_register:
        sri_agent.page->trapped++;
        return sri_uring_register(NULL, (int)arguments[0], (unsigned)arguments[1],
                                  (const void *)(uintptr_t)arguments[2], (unsigned)arguments[3], frame, site);
    default: return -ENOSYS;
    }
}

static void on_trap(int signal, siginfo_t *info, void *context)
{
    ucontext_t *user = context;
    greg_t *registers = user->uc_mcontext.gregs;
    int saved = errno;
    (void)signal;
    if (info->si_code != TRAPPED_BY_FILTER)
        return;
    const long arguments[6] = {(long)registers[REG_RDI], (long)registers[REG_RSI], (long)registers[REG_RDX],
                               (long)registers[REG_R10], (long)registers[REG_R8],  (long)registers[REG_R9]};
    registers[REG_RAX] = answer(info->si_syscall, arguments, (const void *)(uintptr_t)registers[REG_RSP],
                                (const void *)(uintptr_t)registers[REG_RIP]);
    errno = saved;
}

/* A filter holds 4096 instructions, and all those that a process inherits 32768. */
#define SITES 256u
#define AT_MOST (32u + SITES * 6u)

struct program {
    struct sock_filter code[AT_MOST];
    unsigned short length;
};

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define LOAD_HIGH(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field) + 4)
#define IF(value, then, otherwise) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (then), (otherwise))
#define END(action) BPF_STMT(BPF_RET | BPF_K, (action))

static void append(struct program *program, const struct sock_filter *code, unsigned count)
{
    memcpy(&program->code[program->length], code, count * sizeof *code);
    program->length = (unsigned short)(program->length + count);
}

/* io_uring's calls, whoever makes them. All else goes on behind this. */
static void append_calls(struct program *program)
{
    uint64_t called = (uint64_t)(uintptr_t)sri_trap_called;
    const struct sock_filter code[] = {
        /* 0 */ LOAD(arch),
        IF(AUDIT_ARCH_X86_64, 1, 0),
        END(SECCOMP_RET_ALLOW),
        LOAD(nr),
        IF(SYS_io_uring_setup, 10, 0),
        IF(SYS_io_uring_enter, 9, 0),
        IF(SYS_io_uring_register, 8, 0),
        IF(SYS_mmap, 0, 12),
        /* 8: a mapping of a ring, or what looks like one: its first part lies where other files begin */
        LOAD(args[5]),
        IF((uint32_t)IORING_OFF_CQ_RING, 5, 0),
        IF((uint32_t)IORING_OFF_SQES, 4, 0),
        IF((uint32_t)IORING_OFF_SQ_RING, 0, 8),
        LOAD(args[3]),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, MAP_SHARED | MAP_POPULATE),
        IF(MAP_SHARED | MAP_POPULATE, 0, 5),
        /* 15: unless it comes from here */
        LOAD(instruction_pointer),
        IF((uint32_t)called, 0, 2),
        LOAD_HIGH(instruction_pointer),
        IF((uint32_t)(called >> 32), 1, 0),
        /* 19 */ END(SECCOMP_RET_TRAP),
    };
    append(program, code, sizeof code / sizeof code[0]);
}

/* Of other calls, those that are caught where the program itself makes them. */
static void append_own_calls(struct program *program)
{
    static const struct sock_filter code[] = {
        LOAD(nr),
        IF(SYS_close, 10, 0),
        IF(SYS_munmap, 9, 0),
        IF(SYS_mmap, 8, 0),
        IF(SYS_poll, 7, 0),
        IF(SYS_ppoll, 6, 0),
        IF(SYS_select, 5, 0),
        IF(SYS_pselect6, 4, 0),
        IF(SYS_epoll_wait, 3, 0),
        IF(SYS_epoll_pwait, 2, 0),
        IF(SYS_epoll_pwait2, 1, 0),
        END(SECCOMP_RET_ALLOW),
    };
    append(program, code, sizeof code / sizeof code[0]);
}

/* Instructions that are caught, as long as they have the first one's upper half of the address. How many. */
static unsigned append_neighbours(struct program *program, const uint64_t *ends, unsigned count)
{
    unsigned same = 1;
    while (same < count && ends[same] >> 32 == ends[0] >> 32)
        same++;
    const struct sock_filter begin[] = {
        LOAD_HIGH(instruction_pointer),
        IF((uint32_t)(ends[0] >> 32), 1, 0),
        BPF_STMT(BPF_JMP | BPF_JA, 1 + same * 2),
        LOAD(instruction_pointer),
    };
    append(program, begin, sizeof begin / sizeof begin[0]);
    for (unsigned i = 0; i < same; i++) {
        const struct sock_filter one[] = {IF((uint32_t)ends[i], 0, 1), END(SECCOMP_RET_TRAP)};
        append(program, one, 2);
    }
    return same;
}

static int install_filter(void)
{
    static const struct sock_filter allow = END(SECCOMP_RET_ALLOW);
    struct program program = {.length = 0};
    uint64_t ends[SITES];
    unsigned count = sri_trap_sites(ends, SITES);
    append_calls(&program);
    append_own_calls(&program);
    for (unsigned i = 0; i < count;)
        i += append_neighbours(&program, &ends[i], count - i);
    append(&program, &allow, 1);
    const struct sock_fprog filter = {.len = program.length, .filter = program.code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) != 0)
        return -errno;
    return 0;
}

int sri_trap_install(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_trap;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    if (sigaction(SIGSYS, &action, NULL) != 0)
        return -errno;
    return install_filter();
}

#else

int sri_trap_install(void)
{
    return -EOPNOTSUPP;
}

long sri_trap_map(const long *arguments)
{
    (void)arguments;
    return -EOPNOTSUPP;
}

#endif
