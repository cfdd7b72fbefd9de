/*
 * Operations on files, one at a time, for cases that are about what each answers: submitted, waited for, and the result
 * returned. Nothing is written to the transcript; a case says what it wants to be compared.
 */
#ifndef TESTS_SUPPORT_CONFORM_FILES_H
#define TESTS_SUPPORT_CONFORM_FILES_H

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "support/conform.h"

/* A directory of the case's own, open; it holds an empty file "file". Its path is copied to `path` unless NULL. */
int files_folder(struct conform *c, char path[128]);

/* Submits what was prepared, waits for one CQE, and takes it. */
int files_run(struct conform *c);

/* "what: a descriptor", or the errno; the descriptor, or -1. */
int files_say_opened(struct conform *c, const char *what, int result);

/* "what: kind size links", of a name, symbolic links not followed; or the errno. */
void files_say_status(struct conform *c, const char *what, int directory, const char *path);

/* "what: " and the first bytes of a file, read from its beginning. */
void files_say_content(struct conform *c, const char *what, int fd);

/* Opens, writes and closes, so that the name stands for these bytes. */
void files_put(struct conform *c, int directory, const char *path, const char *content);

int files_open(struct conform *c, int directory, const char *path, int flags, unsigned mode);
int files_open_how(struct conform *c, int directory, const char *path, uint64_t flags, uint64_t mode,
                   uint64_t resolve);
int files_mkdir(struct conform *c, int directory, const char *path);
int files_unlink(struct conform *c, int directory, const char *path, int flags);
int files_rename(struct conform *c, int directory, const char *from, const char *to, unsigned flags);
int files_symlink(struct conform *c, const char *target, int directory, const char *path);
int files_link(struct conform *c, int directory, const char *from, const char *to, int flags);
int files_statx(struct conform *c, int directory, const char *path, int flags, unsigned mask,
                struct statx *status);
int files_fallocate(struct conform *c, int fd, int mode, uint64_t offset, uint64_t length);
int files_write(struct conform *c, int fd, const void *bytes, unsigned size, uint64_t offset, int flags);
int files_read(struct conform *c, int fd, void *bytes, unsigned size, uint64_t offset, int flags);
int files_set(struct conform *c, int fd, const char *name, const char *value, unsigned size, int flags);
int files_get(struct conform *c, int fd, const char *name, char *value, unsigned size);

#define SAY(what, result) conform_value(c, what, result)

#endif
