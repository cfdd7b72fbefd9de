/*
 * Runs a fuzz target on files, for builds without a fuzzing engine.
 *
 * Each argument is a file, or a folder whose files are run in the order of their names. Exit code 2 when one can't be
 * read; a finding ends the process as the target itself does.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Targets without one keep this: libFuzzer calls it once before the first input. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

static void refuse(const char *path)
{
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    exit(2);
}

static void run_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        refuse(path);

    /* Exactly as long as the input, so that a read past its end is seen by ASan and valgrind. */
    uint8_t *data = malloc(size > 0 ? size : 1);
    if (data == NULL || fread(data, 1, size, file) != size)
        refuse(path);
    fclose(file);

    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

static unsigned run_path(const char *path);

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static unsigned run_folder(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, visible, alphasort);
    if (count < 0)
        refuse(path);

    unsigned runs = 0;
    for (int i = 0; i < count; i++) {
        char name[4096];
        snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        runs += run_path(name);
        free(entries[i]);
    }
    free(entries);
    return runs;
}

static unsigned run_path(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        refuse(path);
    if (S_ISDIR(status.st_mode))
        return run_folder(path);
    run_file(path, (size_t)status.st_size);
    return 1;
}

int main(int argc, char **argv)
{
    if (LLVMFuzzerInitialize != NULL)
        LLVMFuzzerInitialize(&argc, &argv);

    unsigned runs = 0;
    for (int i = 1; i < argc; i++)
        runs += run_path(argv[i]);
    printf("%u inputs\n", runs);
    return 0;
}
