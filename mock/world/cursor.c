/*
 * Copies between the world's memory and an attempt's segments. Never touches a segment but through the door.
 */
#include "world/cursor.h"

#include <string.h>

static uint64_t total_of(const struct sri_attempt *attempt)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < attempt->segment_count && total < attempt->limit; i++)
        total += attempt->segments[i].iov_len;
    return total < attempt->limit ? total : attempt->limit;
}

struct sri_cursor sri_cursor_at(const struct sri_attempt *attempt, struct sri_user *user, uint64_t skip)
{
    uint64_t total = attempt->segment_count == 1 && attempt->segments->iov_len <= attempt->limit
                         ? attempt->segments->iov_len
                         : total_of(attempt);
    struct sri_cursor cursor = {
        .user = attempt->kernel_memory ? NULL : user,
        .segment = attempt->segments,
        .end = attempt->segments + attempt->segment_count,
        .left = skip < total ? total - skip : 0,
    };
    while (skip > 0 && cursor.segment < cursor.end && skip >= cursor.segment->iov_len)
        skip -= cursor.segment++->iov_len;
    cursor.offset = (size_t)skip;
    return cursor;
}

struct sri_cursor sri_cursor_plain(const struct iovec *segment)
{
    return (struct sri_cursor){.segment = segment, .end = segment + 1, .left = segment->iov_len};
}

/* The contiguous piece at the cursor, at most `size` bytes of it. */
static size_t piece(struct sri_cursor *cursor, size_t size, char **at)
{
    if (size > cursor->left)
        size = (size_t)cursor->left;
    while (size > 0 && cursor->offset == cursor->segment->iov_len) {
        cursor->segment++;
        cursor->offset = 0;
    }
    if (size == 0)
        return 0;
    size_t here = cursor->segment->iov_len - cursor->offset;
    /* The program's address, which may be anything. */
    *at = (char *)((uintptr_t)cursor->segment->iov_base + cursor->offset);
    return here < size ? here : size;
}

static void move(struct sri_cursor *cursor, size_t by)
{
    cursor->offset += by;
    cursor->left -= by;
}

size_t sri_cursor_take(struct sri_cursor *cursor, void *to, size_t size)
{
    size_t done = 0;
    char *at;
    size_t n;
    while (!cursor->faulted && (n = piece(cursor, size - done, &at)) > 0) {
        if (cursor->user == NULL)
            memcpy((char *)to + done, at, n);
        else if (sri_user_copy_in(cursor->user, (char *)to + done, at, n) != 0)
            cursor->faulted = true;
        if (cursor->faulted)
            break;
        move(cursor, n);
        done += n;
    }
    return done;
}

/* What mostly happens: all of it goes to the program's segment at the cursor. */
static inline bool is_one_piece(const struct sri_cursor *cursor, size_t size)
{
    return cursor->user != NULL && !cursor->faulted && size != 0 && size <= cursor->left &&
           size <= cursor->segment->iov_len - cursor->offset;
}

size_t sri_cursor_give(struct sri_cursor *cursor, const void *from, size_t size)
{
    if (is_one_piece(cursor, size)) {
        char *to = (char *)((uintptr_t)cursor->segment->iov_base + cursor->offset);
        cursor->faulted = sri_user_copy_out(cursor->user, to, from, size) != 0;
        if (!cursor->faulted)
            move(cursor, size);
        return cursor->faulted ? 0 : size;
    }
    size_t done = 0;
    char *at;
    size_t n;
    while (!cursor->faulted && (n = piece(cursor, size - done, &at)) > 0) {
        if (cursor->user == NULL)
            memcpy(at, (const char *)from + done, n);
        else if (sri_user_copy_out(cursor->user, at, (const char *)from + done, n) != 0)
            cursor->faulted = true;
        if (cursor->faulted)
            break;
        move(cursor, n);
        done += n;
    }
    return done;
}
