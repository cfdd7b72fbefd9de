/*
 * Why a program's rings were not ours, as far as its file tells.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/under.h"

/* As execvp(3) finds it. */
static bool find(const char *program, char *path, size_t size)
{
    const char *folders = getenv("PATH");
    if (strchr(program, '/') != NULL || folders == NULL) {
        snprintf(path, size, "%s", program);
        return access(path, R_OK) == 0;
    }
    while (*folders != 0) {
        size_t length = strcspn(folders, ":");
        snprintf(path, size, "%.*s/%s", (int)length, folders, program);
        if (access(path, X_OK) == 0)
            return true;
        folders += length + (folders[length] == ':' ? 1 : 0);
    }
    return false;
}

enum file_kind {
    OTHER,
    SCRIPT,
    STATIC,
    DYNAMIC
};

static enum file_kind kind_of(const char *path)
{
    unsigned char head[4096];
    Elf64_Ehdr elf;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, head, sizeof head) : 0;
    if (fd >= 0)
        close(fd);
    if (length > 2 && head[0] == '#' && head[1] == '!')
        return SCRIPT;
    if (length < (ssize_t)sizeof elf || memcmp(head, ELFMAG, SELFMAG) != 0 || head[EI_CLASS] != ELFCLASS64)
        return OTHER;
    memcpy(&elf, head, sizeof elf);
    for (unsigned i = 0; i < elf.e_phnum; i++) {
        Elf64_Phdr part;
        size_t at = elf.e_phoff + i * sizeof part;
        if (at + sizeof part > (size_t)length)
            break;
        memcpy(&part, head + at, sizeof part);
        if (part.p_type == PT_INTERP)
            return DYNAMIC;
    }
    return STATIC;
}

void sri_under_tell_why(const char *program, uint32_t processes)
{
    char path[SRI_UNDER_PATH];
    struct stat status;
    if (!find(program, path, sizeof path) || stat(path, &status) != 0) {
        sri_complain("`%s` is not found", program);
        return;
    }
    enum file_kind kind = kind_of(path);
    if ((status.st_mode & (S_ISUID | S_ISGID)) != 0 || getxattr(path, "security.capability", NULL, 0) > 0)
        sri_complain(
            "`%s` is setuid, setgid or has capabilities, so that the loader ignores what is preloaded: run a "
            "copy without them",
            path);
    else if (kind == STATIC)
        sri_complain("`%s` is linked statically: nothing can be preloaded into it", path);
    else if (processes == 0)
        sri_complain("`%s` did not load the watcher: it, or what it starts, is static or clears LD_PRELOAD",
                     path);
    else
        sri_complain(
            "`%s` opened no ring by liburing's functions: it uses no io_uring, was refused it, or makes the "
            "system calls itself (then: --trap)",
            path);
}
