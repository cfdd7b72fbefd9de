/*
 * Registered files, the table of a ring.
 */
#ifndef SRI_ENGINE_FILES_H
#define SRI_ENGINE_FILES_H

#include "engine/guest.h"
#include "engine/request.h"

/* What is to be put into a table: the addresses of the program's arrays. */
struct sri_import {
    uint64_t items; /* descriptors, or segments; 0 registers empty slots */
    uint64_t tags;  /* one each; 0: none */
    uint32_t offset;
    uint32_t count;
    uint8_t guest; /* whose they are (guest.h) */
};

/* Element `index` of an array of the program's. 0 or -EFAULT. */
static inline int sri_import_item(struct sri_engine *engine, uint8_t guest, uint64_t array, uint32_t index,
                                  void *to, size_t size)
{
    return sri_user_copy_in(sri_door_by(engine, guest), to, (const void *)(uintptr_t)(array + index * size),
                            size);
}

/* The tag of item `index`, 0 where there are none. 0 or -EFAULT. */
int sri_import_tag(struct sri_engine *engine, const struct sri_import *import, uint32_t index, uint64_t *tag);

/* files.c */
int sri_files_register(struct sri_ring *ring, const struct sri_import *import);
int sri_files_unregister(struct sri_ring *ring);
/* The number of slots done, or why the first was not. */
int sri_files_update(struct sri_ring *ring, const struct sri_import *import);
int sri_files_set_range(struct sri_ring *ring, const void *arg, uint32_t count);
void sri_files_drop(struct sri_ring *ring);

/* The request's file is that of slot request->fd. 0 or -EBADF. */
int sri_files_use(struct sri_request *request);
/* The object in a slot, NULL when there is none. Not held. */
struct sri_file *sri_files_at(const struct sri_ring *ring, uint32_t index);

/* direct.c: descriptors that exist in a table alone. */
/*
 * Puts a held file into slot `file_slot` - 1, or into any (IORING_FILE_INDEX_ALLOC): 0, or the slot taken, or -errno
 * with the file put.
 */
int sri_files_install(struct sri_ring *ring, struct sri_file *file, uint32_t file_slot);
/* The descriptor that is the request's result moves into the table, as its file_slot says. */
void sri_files_take_result(struct sri_request *request);
/* A direct descriptor is closed: 0 or -errno. */
int sri_files_close(struct sri_ring *ring, uint32_t file_slot);

/* For these files. A file for a table: held, whatever becomes of its number. A ring is none: -EBADF (measured). */
int sri_files_get(struct sri_engine *engine, uint8_t guest, int fd, struct sri_file **out);
int sri_files_put_in(struct sri_ring *ring, uint32_t index, struct sri_file *file, uint64_t tag);
bool sri_files_empty(struct sri_ring *ring, uint32_t index);

#endif
