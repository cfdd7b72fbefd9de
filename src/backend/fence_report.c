/*
 * What is said of a fault on a guard page.
 */
#define _GNU_SOURCE
#include "backend/fence_report.h"

#include <dlfcn.h>
#include <elf.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/text.h"
#include "base/twin.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned count;
static struct sigaction before;

/* Of the instruction that faulted; 0: not known here. */
static uintptr_t instruction_of(const void *context)
{
#if defined(__x86_64__)
    return (uintptr_t)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uintptr_t)((const ucontext_t *)context)->uc_mcontext.pc;
#else
    (void)context;
    return 0;
#endif
}

/* As addr2line(1) takes it: from the begin of a file that is loaded anywhere. */
static uintptr_t offset_in(const Dl_info *info, uintptr_t instruction)
{
    const Elf64_Ehdr *header = info->dli_fbase;
    return header->e_type == ET_EXEC ? instruction : instruction - (uintptr_t)info->dli_fbase;
}

static void say(const void *address, uintptr_t instruction)
{
    char text[700];
    Dl_info info;
    size_t used =
        sri_format(text, sizeof text,
                   "safer_ring: BUF-4: the program touched %p, which is lent to the kernel\n", address);
    if (instruction != 0 && dladdr((void *)instruction, &info) != 0 && info.dli_fname != NULL)
        used += sri_format(text + used, sizeof text - used, "safer_ring: the line: addr2line -f -e %s %#lx\n",
                           info.dli_fname, (unsigned long)offset_in(&info, instruction));
    sri_write_text(STDERR_FILENO, text, used);
}

/* Back to the instruction, which faults again, before whoever was here earlier. */
static void on_fault(int signal_number, siginfo_t *info, void *context)
{
    (void)signal_number;
    if (sri_twin_holds(info->si_addr))
        say(info->si_addr, instruction_of(context));
    sigaction(SIGSEGV, &before, NULL);
}

void sri_fence_report(bool wanted)
{
    pthread_mutex_lock(&lock);
    if (wanted && count++ == 0) {
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_sigaction = on_fault;
        action.sa_flags = SA_SIGINFO;
        sigaction(SIGSEGV, &action, &before);
    } else if (!wanted && --count == 0) {
        sigaction(SIGSEGV, &before, NULL);
    }
    pthread_mutex_unlock(&lock);
}
