/*
 * The tape file: a container around a body that says which run it belongs to. Only the container can be refused, with a
 * position and a reason; every body is one.
 *
 *     safer-ring-tape
 *     format=1
 *     program=<scenario or program>
 *     world=<name>
 *     semantics=<version of the engine's behaviour>
 *     points=<hash of the catalogue, 16 hexadecimal digits>
 *     seed=<number>
 *     knob.<key>=<value>                  any number of these
 *     length=<bytes of the body>
 *     checksum=<of all bytes before this line and of the body, 16 hexadecimal digits>
 *                                         an empty line, then the body
 */
#ifndef SRI_FATE_TAPE_FILE_H
#define SRI_FATE_TAPE_FILE_H

#include <stddef.h>
#include <stdint.h>

/* Raised whenever the engine asks its questions in another order or means something else by an answer. */
#define SRI_SEMANTICS_VERSION 2u

#define SRI_TAPE_NAME_SIZE 128
#define SRI_TAPE_KNOBS_SIZE 2048

struct sri_tape_file {
    char program[SRI_TAPE_NAME_SIZE];
    char world[SRI_TAPE_NAME_SIZE];
    char knobs[SRI_TAPE_KNOBS_SIZE]; /* lines "key=value\n" */
    uint32_t semantics;
    uint64_t points;
    uint64_t seed;
    const uint8_t *body;
    size_t size;
    void *memory; /* what sri_tape_file_read() allocated */
};

struct sri_tape_error {
    size_t position; /* byte of the file */
    char reason[120];
};

/*
 * Takes a container apart; `body` points into `bytes`. Any bytes may be given. 0, or -EBADMSG with the error filled and
 * the file empty.
 */
int sri_tape_file_parse(struct sri_tape_file *file, const uint8_t *bytes, size_t size,
                        struct sri_tape_error *error);

/* A warning about a tape that may replay differently, in `text`; 0: there is none, 1: there is. */
int sri_tape_file_warning(const struct sri_tape_file *file, uint32_t semantics, uint64_t points, char *text,
                          size_t size);

/*
 * Puts the container together in `buffer` and returns its size, also when that is larger than `capacity` (then nothing
 * was written). 0: a name or knob holds what a line can't (a line break, a knob without `=`), see the error.
 */
size_t sri_tape_file_format(const struct sri_tape_file *file, uint8_t *buffer, size_t capacity,
                            struct sri_tape_error *error);

/*
 * Reads a file; sri_tape_file_fini() gives its memory back. -errno of open(2) and read(2), -EBADMSG, -EFBIG (above
 * 256 MiB), -ENOMEM; always with a reason. Blocks on I/O.
 */
int sri_tape_file_read(struct sri_tape_file *file, const char *path, struct sri_tape_error *error);

/*
 * Writes a file whole or not at all: a temporary one in the same folder, synced, then renamed. -errno of what failed,
 * with a reason; nothing half-written is left. Blocks on I/O.
 */
int sri_tape_file_write(const struct sri_tape_file *file, const char *path, struct sri_tape_error *error);

void sri_tape_file_fini(struct sri_tape_file *file);

#endif
