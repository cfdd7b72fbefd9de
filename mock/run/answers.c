/*
 * Numbers and bytes of a tape's environment. A number takes seven bits a byte, the lowest first.
 */
#include "run/answers.h"

#include <string.h>

#include "base/alloc.h"

#define MOST ((size_t)64 << 20)

void sri_answers_fini(struct sri_answers *answers)
{
    sri_free(answers->bytes);
    memset(answers, 0, sizeof *answers);
}

uint8_t *sri_answers_room(struct sri_answers *answers, size_t size)
{
    if (answers->failed || size > MOST - answers->size) {
        answers->failed = true;
        return NULL;
    }
    if (answers->size + size > answers->capacity) {
        size_t capacity = 2 * (answers->size + size) + 4096;
        uint8_t *more = sri_realloc(answers->bytes, capacity);
        if (more == NULL) {
            answers->failed = true;
            return NULL;
        }
        answers->bytes = more;
        answers->capacity = capacity;
    }
    uint8_t *room = answers->bytes + answers->size;
    answers->size += size;
    return room;
}

void sri_answers_put(struct sri_answers *answers, uint64_t number)
{
    uint8_t bytes[10];
    size_t size = 0;
    do {
        bytes[size] = (uint8_t)((number & 0x7f) | (number > 0x7f ? 0x80u : 0u));
        number >>= 7;
        size++;
    } while (number != 0);
    uint8_t *room = sri_answers_room(answers, size);
    if (room != NULL)
        memcpy(room, bytes, size);
}

void sri_answers_put_signed(struct sri_answers *answers, int64_t number)
{
    sri_answers_put(answers, (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0));
}

const uint8_t *sri_answers_take(struct sri_answers *answers, size_t size)
{
    if (answers->failed || size > answers->size - answers->position) {
        answers->failed = true;
        return NULL;
    }
    const uint8_t *bytes = answers->bytes + answers->position;
    answers->position += size;
    return bytes;
}

uint64_t sri_answers_get(struct sri_answers *answers)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const uint8_t *byte = sri_answers_take(answers, 1);
        if (byte == NULL)
            return 0;
        number |= (uint64_t)(*byte & 0x7f) << shift;
        if ((*byte & 0x80) == 0)
            return number;
    }
    answers->failed = true;
    return 0;
}

int64_t sri_answers_get_signed(struct sri_answers *answers)
{
    uint64_t number = sri_answers_get(answers);
    return (int64_t)(number >> 1 ^ ((number & 1) != 0 ? UINT64_MAX : 0));
}

bool sri_answers_at_end(const struct sri_answers *answers)
{
    return answers->position >= answers->size;
}
