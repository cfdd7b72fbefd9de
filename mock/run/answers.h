/*
 * The environment's part of a tape: numbers and bytes one behind the other. Knows nothing of what they mean.
 */
#ifndef SRI_RUN_ANSWERS_H
#define SRI_RUN_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed is empty. */
struct sri_answers {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
    size_t position; /* of the next to be read */
    bool failed;     /* writing: there was no room; reading: there is no more, or not what was asked for */
};

void sri_answers_fini(struct sri_answers *answers);

void sri_answers_put(struct sri_answers *answers, uint64_t number);
void sri_answers_put_signed(struct sri_answers *answers, int64_t number);
/* Room for so many bytes, which are to be filled at once; NULL: there is none. */
uint8_t *sri_answers_room(struct sri_answers *answers, size_t size);

uint64_t sri_answers_get(struct sri_answers *answers);
int64_t sri_answers_get_signed(struct sri_answers *answers);
/* The next bytes, where they stand; NULL: there are not so many. */
const uint8_t *sri_answers_take(struct sri_answers *answers, size_t size);
bool sri_answers_at_end(const struct sri_answers *answers);

#endif
