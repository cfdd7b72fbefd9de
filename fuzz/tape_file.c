/*
 * A tape file from a stranger: it is refused with a position within it and a reason, or it is one, and says the same when
 * it is put together again.
 */
#include <string.h>

#include "fate/tape_file.h"
#include "input.h"

static void check_again(const struct sri_tape_file *file)
{
    static uint8_t buffer[1 << 16];
    struct sri_tape_file again;
    struct sri_tape_error error;
    char warning[200];
    size_t size = sri_tape_file_format(file, buffer, sizeof buffer, &error);
    FUZZ_REQUIRE(size > 0);
    (void)sri_tape_file_warning(file, SRI_SEMANTICS_VERSION, 1, warning, sizeof warning);
    if (size > sizeof buffer)
        return;
    FUZZ_REQUIRE(sri_tape_file_parse(&again, buffer, size, &error) == 0);
    FUZZ_REQUIRE(strcmp(again.program, file->program) == 0 && strcmp(again.world, file->world) == 0);
    FUZZ_REQUIRE(strcmp(again.knobs, file->knobs) == 0 && again.seed == file->seed);
    FUZZ_REQUIRE(again.size == file->size &&
                 (file->size == 0 || memcmp(again.body, file->body, file->size) == 0));
}

/*
 * Few inputs have the right checksum by themselves: those that begin with a zero are the parts of a file that is put
 * together here.
 */
static void put_together(const uint8_t *data, size_t size)
{
    struct sri_tape_file file;
    struct sri_tape_error error;
    memset(&file, 0, sizeof file);
    char *const texts[3] = {file.program, file.world, file.knobs};
    const size_t sizes[3] = {sizeof file.program, sizeof file.world, sizeof file.knobs};
    for (int i = 0; i < 3 && size > 0; i++) {
        size_t length = *data++;
        size--;
        length = length < size ? length : size;
        length = length < sizes[i] - 1 ? length : sizes[i] - 1;
        memcpy(texts[i], data, length);
        data += length;
        size -= length;
    }
    file.seed = size;
    file.body = data;
    file.size = size;
    static uint8_t buffer[1 << 16];
    size_t whole = sri_tape_file_format(&file, buffer, sizeof buffer, &error);
    if (whole == 0) {
        FUZZ_REQUIRE(error.reason[0] != 0);
        return;
    }
    if (whole <= sizeof buffer) {
        struct sri_tape_file again;
        FUZZ_REQUIRE(sri_tape_file_parse(&again, buffer, whole, &error) == 0);
        check_again(&again);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sri_tape_file file;
    struct sri_tape_error error;
    if (size > 0 && data[0] == 0) {
        put_together(data + 1, size - 1);
        return 0;
    }
    if (sri_tape_file_parse(&file, data, size, &error) == 0) {
        check_again(&file);
        return 0;
    }
    FUZZ_REQUIRE(error.position <= size);
    FUZZ_REQUIRE(error.reason[0] != 0);
    FUZZ_REQUIRE(memchr(error.reason, 0, sizeof error.reason) != NULL);
    return 0;
}
