/*
 * Memory that the program gives back, by whatever call: who is told of it, before it goes.
 */
#include "run/agent.h"
#include "run/detect.h"

bool sri_release_matters(const void *memory, size_t length)
{
    return sri_agent.detects && sri_detect.ring_count > 0 && !sri_detect_is_inside() &&
           (sri_memory_may_be_lent(memory, length) || sri_entry_any());
}

void sri_release(const void *memory, size_t length, const char *how, const void *frame, const void *site)
{
    sri_detect_lock();
    const struct sri_place_of_call *place = sri_detect.place;
    sri_detect.place = sri_place_here(frame, site);
    sri_memory_released(memory, length, how);
    sri_record_released(memory, length, how);
    sri_entry_released(memory, length, how);
    sri_detect.place = place;
    sri_detect_unlock();
}

void sri_release_pages(const void *memory, size_t length)
{
    if (!sri_agent.detects || sri_detect.ring_count == 0 || sri_detect_is_inside())
        return;
    sri_detect_lock();
    sri_memory_forget(memory, length);
    sri_detect_unlock();
    __atomic_store_n(&sri_agent.unmapped, true, __ATOMIC_RELEASE);
}

void sri_release_mapping(const void *memory, size_t length, const void *frame, const void *site)
{
    if (sri_release_matters(memory, length))
        sri_release(memory, length, "munmap", frame, site);
    sri_release_pages(memory, length);
}
