/*
 * A folder for files of which a test looks at what the kernel does: on a disk if there is one, since a tmpfs has no
 * O_DIRECT, fewer modes of fallocate(2), and its reads always go to a worker.
 */
#ifndef SUPPORT_DISK_H
#define SUPPORT_DISK_H

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/magic.h>
#include <sys/vfs.h>

/* TMPDIR if it is set; else /tmp, /var/tmp or the current folder, the first on a disk; else /tmp. Static storage. */
static inline const char *disk_folder(void)
{
    static const char *const folders[] = {"/tmp", "/var/tmp", "."};
    const char *chosen = getenv("TMPDIR");
    if (chosen != NULL && chosen[0] != '\0')
        return chosen;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        struct statfs about;
        if (statfs(folders[i], &about) == 0 && about.f_type != TMPFS_MAGIC && about.f_type != RAMFS_MAGIC &&
            access(folders[i], W_OK | X_OK) == 0)
            return folders[i];
    }
    return "/tmp";
}

#endif
