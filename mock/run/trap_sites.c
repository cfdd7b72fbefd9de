/*
 * The system call instructions of the program itself, found by their bytes in what is mapped to be run.
 *
 * They are named one by one, and not as the range of the program's code, for the sake of who comes after: a filter survives
 * exec, and the handler does not. The next program may lie where this one lay (both at a fixed address, or in a debugger), and
 * be out of the handler's reach (static, or started with another environment); it would be ended at the first of its calls that
 * is caught. That one of its instructions is at the very address of one of these is as good as impossible.
 */
#include "run/trap_sites.h"

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "run/own.h"

static const char instruction[] = {0x0f, 0x05};

struct search {
    uint64_t *ends;
    unsigned count;
    unsigned most;
};

/* A function of the loader's, by the interface between it and compilers. */
void *__tls_get_addr(void *index);

static bool is_left_out(const struct dl_phdr_info *object)
{
    return sri_own_object(object) || sri_object_holds(object, (uintptr_t)getpid) ||
           sri_object_holds(object, (uintptr_t)__tls_get_addr) ||
           sri_object_holds(object, (uintptr_t)getauxval(AT_SYSINFO_EHDR));
}

static void search_part(struct search *search, const char *at, size_t left)
{
    const char *end = at + left;
    while (search->count < search->most &&
           (at = memmem(at, (size_t)(end - at), instruction, sizeof instruction)) != NULL) {
        at += sizeof instruction;
        search->ends[search->count++] = (uintptr_t)at;
    }
}

static int search_object(struct dl_phdr_info *object, size_t size, void *self)
{
    (void)size;
    if (is_left_out(object))
        return 0;
    for (unsigned i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && (part->p_flags & (PF_X | PF_R)) == (PF_X | PF_R))
            search_part(self, (const char *)(uintptr_t)(object->dlpi_addr + part->p_vaddr), part->p_filesz);
    }
    return 0;
}

unsigned sri_trap_sites(uint64_t *ends, unsigned most)
{
    struct search search = {.ends = ends, .most = most};
    (void)dl_iterate_phdr(search_object, &search);
    return search.count;
}
