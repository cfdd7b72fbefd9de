/*
 * Detectors of memory in flight: changed by the program, released, or lent to two operations at once. What was lent is known
 * by a sum over its edges; bytes are only read, by the one door to them.
 */
#include "engine/user.h"
#include "run/detect.h"

#define LOOKED_AT 256u /* older loans are not compared with a new one */

/* A door of the detectors' own: a program may lend what is not there, and be told -EFAULT. */
static struct sri_user door;

void sri_memory_forget(const void *memory, size_t length)
{
    sri_user_forget(&door, memory, length);
}

static uint64_t sum_part(const unsigned char *bytes, size_t length, uint64_t seed)
{
    if (sri_user_readable(&door, bytes, length) != 0)
        return seed;
    if (length <= 4u * SRI_USER_EDGE)
        return sri_user_sum(bytes, length, seed);
    return sri_user_sum_edges(bytes, length, seed);
}

static uint64_t sum_of(const struct sri_borrowed *borrowed)
{
    uint64_t sum = 1;
    for (uint32_t i = 0; i < borrowed->segment_count; i++)
        sum = sum_part(borrowed->segments[i].iov_base, borrowed->segments[i].iov_len, sum);
    return sum;
}

static bool is_lent(const struct sri_borrowed *borrowed)
{
    return borrowed->lending != SRI_LENDS_NOTHING && borrowed->segment_count > 0;
}

static bool overlaps(const struct sri_borrowed *borrowed, uintptr_t begin, uintptr_t end)
{
    for (uint32_t i = 0; i < borrowed->segment_count; i++) {
        uintptr_t at = (uintptr_t)borrowed->segments[i].iov_base;
        if (at < end && begin < at + borrowed->segments[i].iov_len)
            return true;
    }
    return false;
}

/* One behind the other in a chain: what one fills the other may read. */
static bool is_before(const struct sri_borrowed *one, const struct sri_borrowed *other)
{
    return one->chain != 0 && one->chain == other->chain && one->ring == other->ring;
}

/* … which has then not been changed by the program. */
static void pass_on(const struct sri_borrowed *borrowed)
{
    for (struct sri_borrowed *next = borrowed->newer; next != NULL && is_before(borrowed, next);
         next = next->newer)
        next->sum = is_lent(next) ? sum_of(next) : 0;
}

static const struct sri_borrowed *other_holder(const struct sri_borrowed *borrowed)
{
    unsigned looked = 0;
    for (const struct sri_borrowed *other = sri_detect.newest; other != NULL && looked < LOOKED_AT;
         other = other->older, looked++) {
        bool both_read = borrowed->lending != SRI_LENDS_TARGET && other->lending != SRI_LENDS_TARGET;
        if (other == borrowed || both_read || !is_lent(other) || is_before(other, borrowed))
            continue;
        for (uint32_t i = 0; i < borrowed->segment_count; i++) {
            uintptr_t at = (uintptr_t)borrowed->segments[i].iov_base;
            if (overlaps(other, at, at + borrowed->segments[i].iov_len))
                return other;
        }
    }
    return NULL;
}

static void widen(const struct sri_borrowed *borrowed)
{
    for (uint32_t i = 0; i < borrowed->segment_count; i++) {
        uintptr_t at = (uintptr_t)borrowed->segments[i].iov_base;
        uintptr_t end = at + borrowed->segments[i].iov_len;
        if (sri_detect.highest == 0 || at < sri_detect.lowest)
            sri_detect.lowest = at;
        if (end > sri_detect.highest)
            sri_detect.highest = end;
    }
}

/* The record that user_data may point to is watched as well. */
static void widen_to(uint64_t address)
{
    const uint64_t first = 65536;
    if (address < first || address >= UINT64_C(1) << 47)
        return;
    if (sri_detect.highest == 0 || address < sri_detect.lowest)
        sri_detect.lowest = (uintptr_t)address;
    if (address >= sri_detect.highest)
        sri_detect.highest = (uintptr_t)address + 1;
}

void sri_memory_lent(struct sri_borrowed *borrowed)
{
    widen_to(borrowed->user_data);
    if (!is_lent(borrowed))
        return;
    const struct sri_borrowed *other = other_holder(borrowed);
    if (other != NULL) {
        borrowed->told = true;
        sri_finding(
            "overlapping-loans", borrowed,
            "memory that request %llu (%s) has in flight is lent a second time, and at least one of both writes",
            (unsigned long long)other->request, sri_opcode_name(other->opcode));
    }
    borrowed->sum = sum_of(borrowed);
    widen(borrowed);
}

static void judge(struct sri_borrowed *borrowed)
{
    if (!is_lent(borrowed) || borrowed->told || borrowed->touching || borrowed->read)
        return;
    if (sum_of(borrowed) == borrowed->sum)
        return;
    borrowed->told = true;
    sri_finding("changed-in-flight", borrowed, "the program wrote into memory that the kernel %s",
                borrowed->lending == SRI_LENDS_TARGET ? "is to fill" : "has not read yet");
}

void sri_memory_event(const struct sri_event *event, struct sri_borrowed *borrowed)
{
    switch (event->kind) {
    case SRI_EVENT_TOUCH:
        judge(borrowed);
        borrowed->touching = true;
        break;
    case SRI_EVENT_TOUCHED:
        borrowed->touching = false;
        borrowed->sum = is_lent(borrowed) ? sum_of(borrowed) : 0;
        if (borrowed->chain != 0)
            pass_on(borrowed);
        break;
    case SRI_EVENT_COMMITTED:
        if (borrowed->lending == SRI_LENDS_SOURCE) {
            judge(borrowed);
            borrowed->read = true;
        }
        break;
    case SRI_EVENT_COMPLETED:
    case SRI_EVENT_SKIPPED: judge(borrowed); break;
    case SRI_EVENT_CHOSEN:
        borrowed->selected = true;
        borrowed->lending = event->lending;
        borrowed->segment_count = event->segment_count > 0 ? 1 : 0;
        if (event->segment_count > 0)
            borrowed->segments[0] = event->segments[0];
        sri_memory_lent(borrowed);
        break;
    case SRI_EVENT_RETURNED:
        borrowed->selected = false;
        borrowed->segment_count = 0;
        break;
    case SRI_EVENT_RING_OPENED:
    case SRI_EVENT_RING_CLOSED:
    case SRI_EVENT_ENTER:
    case SRI_EVENT_LEAVE:
    case SRI_EVENT_CONSUMED:
    case SRI_EVENT_CANCELLING:
    case SRI_EVENT_WAKE:
    case SRI_EVENT_STALL:
    case SRI_EVENT_OPENED:
    case SRI_EVENT_CLOSED: break;
    }
}

bool sri_memory_may_be_lent(const void *begin, size_t length)
{
    uintptr_t at = (uintptr_t)begin;
    return sri_detect.oldest != NULL && at < sri_detect.highest && sri_detect.lowest < at + length;
}

void sri_memory_released(const void *begin, size_t length, const char *how)
{
    uintptr_t at = (uintptr_t)begin;
    for (struct sri_borrowed *borrowed = sri_detect.oldest; borrowed != NULL; borrowed = borrowed->newer) {
        if (!is_lent(borrowed) || borrowed->told || !overlaps(borrowed, at, at + length))
            continue;
        borrowed->told = true;
        sri_finding("freed-in-flight", borrowed, "%s of %zu bytes, of which the kernel may still %s some",
                    how, length, borrowed->lending == SRI_LENDS_TARGET ? "write" : "read");
        borrowed->segment_count = 0; /* it is somebody else's from here on, or nothing */
    }
}

/* Loans of this thread's stack below the frame that calls: the function they belonged to has returned. */
void sri_memory_stack(uintptr_t lowest, uintptr_t frame)
{
    if (sri_detect.oldest == NULL || sri_detect.highest <= lowest || sri_detect.lowest >= frame)
        return;
    for (struct sri_borrowed *borrowed = sri_detect.oldest; borrowed != NULL; borrowed = borrowed->newer) {
        if (!is_lent(borrowed) || borrowed->told || !overlaps(borrowed, lowest, frame))
            continue;
        borrowed->told = true;
        sri_finding("freed-in-flight", borrowed,
                    "the function whose local memory the kernel may still %s has returned",
                    borrowed->lending == SRI_LENDS_TARGET ? "write" : "read");
    }
}
