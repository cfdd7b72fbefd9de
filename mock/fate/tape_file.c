/*
 * The tape file's container: taking it apart and putting it together, in memory. Never reads past its bytes and never
 * touches the file system.
 */
#include "fate/tape_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

#define MAGIC "safer-ring-tape"
#define FORMAT 1u

/* One pass over the header, line by line. */
struct reader {
    const uint8_t *bytes;
    size_t size;
    size_t position; /* of the next line */
    size_t line;     /* where the present line begins */
    struct sri_tape_error *error;
};

static int refuse(struct reader *reader, size_t position, const char *reason)
{
    reader->error->position = position;
    snprintf(reader->error->reason, sizeof reader->error->reason, "%s", reason);
    return -EBADMSG;
}

/* The next line without its end. */
static int next_line(struct reader *reader, const char **text, size_t *length)
{
    reader->line = reader->position;
    const uint8_t *begin = reader->bytes + reader->position;
    size_t left = reader->size - reader->position;
    const uint8_t *end = left == 0 ? NULL : memchr(begin, '\n', left);
    if (end == NULL)
        return refuse(reader, reader->size, "the file ends inside its header");
    *text = (const char *)begin;
    *length = (size_t)(end - begin);
    reader->position += *length + 1;
    return 0;
}

/* The value of a line "key=value". */
static int next_value(struct reader *reader, const char *key, const char **value, size_t *length)
{
    const char *text;
    int rc = next_line(reader, &text, length);
    if (rc != 0)
        return rc;
    size_t key_length = strlen(key);
    if (*length <= key_length || memcmp(text, key, key_length) != 0 || text[key_length] != '=') {
        char reason[64];
        snprintf(reason, sizeof reason, "expected the line %s=…", key);
        return refuse(reader, reader->line, reason);
    }
    *value = text + key_length + 1;
    *length -= key_length + 1;
    return 0;
}

static int next_name(struct reader *reader, const char *key, char name[SRI_TAPE_NAME_SIZE])
{
    const char *value;
    size_t length;
    int rc = next_value(reader, key, &value, &length);
    if (rc != 0)
        return rc;
    if (length >= SRI_TAPE_NAME_SIZE)
        return refuse(reader, reader->line, "the name is too long");
    if (memchr(value, 0, length) != NULL)
        return refuse(reader, reader->line, "a zero byte in a name");
    memcpy(name, value, length);
    name[length] = 0;
    return 0;
}

static int digit_of(char c, unsigned base)
{
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
    return digit < (int)base ? digit : -1;
}

static int next_number(struct reader *reader, const char *key, unsigned base, uint64_t *number)
{
    const char *value;
    size_t length;
    int rc = next_value(reader, key, &value, &length);
    if (rc != 0)
        return rc;
    size_t at = (size_t)((const uint8_t *)value - reader->bytes);
    if (length == 0 || (base == 16 && length != 16))
        return refuse(reader, at, base == 16 ? "expected 16 hexadecimal digits" : "expected a number");
    *number = 0;
    for (size_t i = 0; i < length; i++) {
        int digit = digit_of(value[i], base);
        if (digit < 0)
            return refuse(reader, at + i, base == 16 ? "not a hexadecimal digit" : "not a digit");
        if (__builtin_mul_overflow(*number, (uint64_t)base, number) ||
            __builtin_add_overflow(*number, (uint64_t)digit, number))
            return refuse(reader, at + i, "the number is too large");
    }
    return 0;
}

static bool is_knob(const struct reader *reader)
{
    return reader->size - reader->position >= 5 && memcmp(reader->bytes + reader->position, "knob.", 5) == 0;
}

static int next_knob(struct reader *reader, struct sri_tape_file *file, size_t *used)
{
    const char *text;
    size_t length;
    int rc = next_line(reader, &text, &length);
    if (rc != 0)
        return rc;
    text += 5;
    length -= 5;
    if (memchr(text, 0, length) != NULL)
        return refuse(reader, reader->line, "a zero byte in a knob");
    const char *equals = memchr(text, '=', length);
    if (equals == NULL || equals == text)
        return refuse(reader, reader->line, "expected the line knob.key=value");
    if (*used + length + 2 > sizeof file->knobs)
        return refuse(reader, reader->line, "too many knobs");
    memcpy(file->knobs + *used, text, length);
    *used += length;
    file->knobs[(*used)++] = '\n';
    return 0;
}

static uint64_t sum(uint64_t hash, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t checksum(const uint8_t *header, size_t header_size, const uint8_t *body, size_t size)
{
    uint64_t hash = sum(UINT64_C(0xcbf29ce484222325), header, header_size);
    return sum(hash, body, size);
}

static int parse_header(struct reader *reader, struct sri_tape_file *file)
{
    const char *text;
    size_t length;
    int rc = next_line(reader, &text, &length);
    if (rc != 0 || length != strlen(MAGIC) || memcmp(text, MAGIC, length) != 0)
        return refuse(reader, 0, "not a tape: the first line is not " MAGIC);
    uint64_t format;
    if ((rc = next_number(reader, "format", 10, &format)) != 0)
        return rc;
    if (format != FORMAT)
        return refuse(reader, reader->line, "a format this version does not know");
    if ((rc = next_name(reader, "program", file->program)) != 0)
        return rc;
    if ((rc = next_name(reader, "world", file->world)) != 0)
        return rc;
    uint64_t semantics;
    if ((rc = next_number(reader, "semantics", 10, &semantics)) != 0)
        return rc;
    if (semantics > UINT32_MAX)
        return refuse(reader, reader->line, "the number is too large");
    file->semantics = (uint32_t)semantics;
    if ((rc = next_number(reader, "points", 16, &file->points)) != 0)
        return rc;
    if ((rc = next_number(reader, "seed", 10, &file->seed)) != 0)
        return rc;
    size_t used = 0;
    while (is_knob(reader)) {
        if ((rc = next_knob(reader, file, &used)) != 0)
            return rc;
    }
    return 0;
}

static int parse(struct reader *reader, struct sri_tape_file *file)
{
    int rc = parse_header(reader, file);
    if (rc != 0)
        return rc;
    uint64_t length;
    if ((rc = next_number(reader, "length", 10, &length)) != 0)
        return rc;
    size_t length_line = reader->line;
    size_t summed = reader->position;
    uint64_t expected;
    if ((rc = next_number(reader, "checksum", 16, &expected)) != 0)
        return rc;
    const char *text;
    size_t blank;
    if ((rc = next_line(reader, &text, &blank)) != 0)
        return rc;
    if (blank != 0)
        return refuse(reader, reader->line, "expected an empty line");
    size_t left = reader->size - reader->position;
    if (length != left)
        return refuse(reader, left < length ? reader->size : length_line,
                      left < length ? "the body is cut off" : "there are more bytes than the body has");
    file->body = reader->bytes + reader->position;
    file->size = left;
    if (checksum(reader->bytes, summed, file->body, file->size) != expected)
        return refuse(reader, summed, "the checksum does not fit: the file was changed");
    return 0;
}

int sri_tape_file_parse(struct sri_tape_file *file, const uint8_t *bytes, size_t size,
                        struct sri_tape_error *error)
{
    struct reader reader = {.bytes = bytes, .size = size, .error = error};
    memset(file, 0, sizeof *file);
    memset(error, 0, sizeof *error);
    int rc = parse(&reader, file);
    if (rc != 0)
        memset(file, 0, sizeof *file);
    return rc;
}

int sri_tape_file_warning(const struct sri_tape_file *file, uint32_t semantics, uint64_t points, char *text,
                          size_t size)
{
    if (file->semantics != semantics) {
        snprintf(text, size,
                 "the tape is from version %" PRIu32 " of the simulated kernel, this is %" PRIu32
                 ": the run may differ",
                 file->semantics, semantics);
        return 1;
    }
    if (file->points != points) {
        snprintf(text, size, "the tape is from another catalogue of fault points: the run may differ");
        return 1;
    }
    return 0;
}

/* Text appended to a buffer of a size that may be too small; what it would take is counted. */
struct writer {
    uint8_t *buffer;
    size_t capacity;
    size_t used;
};

static void put(struct writer *writer, const void *bytes, size_t size)
{
    if (size > 0 && writer->used <= writer->capacity && size <= writer->capacity - writer->used)
        memcpy(writer->buffer + writer->used, bytes, size);
    writer->used += size;
}

static void put_line(struct writer *writer, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put_line(struct writer *writer, const char *format, ...)
{
    char line[SRI_TAPE_NAME_SIZE + 32];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    put(writer, line, (size_t)length);
}

static size_t unfit(struct sri_tape_error *error, const char *what)
{
    error->position = 0;
    snprintf(error->reason, sizeof error->reason, "%s", what);
    return 0;
}

static bool put_knobs(struct writer *writer, const char *knobs)
{
    while (*knobs != 0) {
        const char *end = strchr(knobs, '\n');
        const char *equals = strchr(knobs, '=');
        if (end == NULL || equals == NULL || equals > end || equals == knobs)
            return false;
        put(writer, "knob.", 5);
        put(writer, knobs, (size_t)(end - knobs) + 1);
        knobs = end + 1;
    }
    return true;
}

size_t sri_tape_file_format(const struct sri_tape_file *file, uint8_t *buffer, size_t capacity,
                            struct sri_tape_error *error)
{
    struct writer writer = {.buffer = buffer, .capacity = capacity};
    if (strchr(file->program, '\n') != NULL || strchr(file->world, '\n') != NULL)
        return unfit(error, "a name holds a line break");
    put_line(&writer, MAGIC "\nformat=%u\n", FORMAT);
    put_line(&writer, "program=%s\n", file->program);
    put_line(&writer, "world=%s\n", file->world);
    put_line(&writer, "semantics=%" PRIu32 "\npoints=%016" PRIx64 "\n", file->semantics, file->points);
    put_line(&writer, "seed=%" PRIu64 "\n", file->seed);
    if (!put_knobs(&writer, file->knobs))
        return unfit(error, "a knob is not a line key=value");
    put_line(&writer, "length=%zu\n", file->size);
    size_t summed = writer.used;
    size_t total = summed + strlen("checksum=0123456789abcdef\n\n") + file->size;
    if (total > capacity)
        return total;
    put_line(&writer, "checksum=%016" PRIx64 "\n\n", checksum(buffer, summed, file->body, file->size));
    put(&writer, file->body, file->size);
    return total;
}

void sri_tape_file_fini(struct sri_tape_file *file)
{
    sri_free(file->memory);
    memset(file, 0, sizeof *file);
}
