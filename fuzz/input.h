/*
 * A fuzzer's bytes as decisions: past their end every one is 0.
 */
#ifndef SRI_FUZZ_INPUT_H
#define SRI_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct input {
    const uint8_t *bytes;
    size_t size;
    size_t at;
};

static inline uint8_t next_byte(struct input *input)
{
    return input->at < input->size ? input->bytes[input->at++] : 0;
}

static inline uint32_t next_below(struct input *input, uint32_t n)
{
    return next_byte(input) % n;
}

/* What must hold; a finding otherwise. */
#define FUZZ_REQUIRE(condition)                                                            \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                       \
        }                                                                                  \
    } while (0)

/* Memory is used again soon, so that a run takes no fresh pages: most of its time otherwise. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=1:malloc_context_size=8";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
