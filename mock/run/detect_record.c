/*
 * Detector of records released too early: user_data points to one, and its request is still in flight, so that the next
 * completion will be handled with memory that is somebody else's.
 */
#include "run/detect.h"

#define LARGEST_TAG 4095u

static bool points_into(const struct sri_borrowed *borrowed, uintptr_t begin, uintptr_t end)
{
    return borrowed->user_data > LARGEST_TAG && borrowed->user_data >= begin && borrowed->user_data < end;
}

/* Its memory was told already where record and buffer are one. */
static bool is_new(const struct sri_borrowed *borrowed)
{
    return !borrowed->record_told && !borrowed->told;
}

void sri_record_released(const void *begin, size_t length, const char *how)
{
    uintptr_t at = (uintptr_t)begin;
    for (struct sri_borrowed *borrowed = sri_detect.oldest; borrowed != NULL; borrowed = borrowed->newer) {
        if (!is_new(borrowed) || !points_into(borrowed, at, at + length))
            continue;
        borrowed->record_told = true;
        sri_finding("record-freed", borrowed,
                    "%s of %zu bytes that user_data points to, and a completion with it is still to come%s",
                    how, length, borrowed->posted ? ", after the one there was" : "");
    }
}

void sri_record_stack(uintptr_t lowest, uintptr_t frame)
{
    for (struct sri_borrowed *borrowed = sri_detect.oldest; borrowed != NULL; borrowed = borrowed->newer) {
        if (!is_new(borrowed) || !points_into(borrowed, lowest, frame))
            continue;
        borrowed->record_told = true;
        sri_finding(
            "record-freed", borrowed,
            "user_data points into the frame of a function that has returned, and a completion with it is "
            "still to come");
    }
}
