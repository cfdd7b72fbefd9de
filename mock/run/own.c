/*
 * The libraries that the watcher is made of, by a function of each.
 */
#include "run/own.h"

#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "fate/tape.h"

#define LIBRARIES 3

static struct {
    uintptr_t begin;
    uintptr_t end;
} ranges[LIBRARIES];
static unsigned count;

bool sri_object_holds(const struct dl_phdr_info *object, uintptr_t address)
{
    for (unsigned i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && address - (object->dlpi_addr + part->p_vaddr) < part->p_memsz)
            return true;
    }
    return false;
}

bool sri_own_object(const struct dl_phdr_info *object)
{
    return sri_object_holds(object, (uintptr_t)sri_own_code) ||
           sri_object_holds(object, (uintptr_t)sri_engine_new) ||
           sri_object_holds(object, (uintptr_t)sri_tape_init_seed);
}

bool sri_own_code(const void *address)
{
    for (unsigned i = 0; i < count; i++) {
        if ((uintptr_t)address >= ranges[i].begin && (uintptr_t)address < ranges[i].end)
            return true;
    }
    return false;
}

static int note(struct dl_phdr_info *object, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    if (!sri_own_object(object) || count == LIBRARIES)
        return 0;
    uintptr_t begin = UINTPTR_MAX;
    uintptr_t end = 0;
    for (unsigned i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        uintptr_t at = object->dlpi_addr + part->p_vaddr;
        if (part->p_type != PT_LOAD)
            continue;
        begin = at < begin ? at : begin;
        end = at + part->p_memsz > end ? at + part->p_memsz : end;
    }
    ranges[count].begin = begin;
    ranges[count++].end = end;
    return 0;
}

/* Before the watcher itself begins. */
__attribute__((constructor(101))) static void find(void)
{
    (void)dl_iterate_phdr(note, NULL);
}
