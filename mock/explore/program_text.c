/*
 * The program around the calls of a run. Makes text only.
 */
#include <string.h>

#include "explore/program.h"

/* Parts of it, each short enough for a string of C. */
static const char head[] =
    "#define SR_NO_OWNERSHIP_ANALYSIS\n"
    "#include <stdbool.h>\n"
    "#include <stdint.h>\n"
    "#include <stdio.h>\n"
    "#include <stdlib.h>\n"
    "#include <string.h>\n"
    "#include <sys/socket.h>\n"
    "#include <fcntl.h>\n"
    "\n"
    "#include <safer_ring.h>\n"
    "#include <safer_ring/sim.h>\n"
    "\n"
    "#define PLACES 1024\n"
    "\n"
    "static struct sr_sim *sim;\n"
    "static struct sr_backend kernel;\n"
    "static struct sr_ring *ring;\n"
    "static struct sr_op ops[PLACES];\n"
    "static struct sr_completion dones[PLACES], many[8], *came = many;\n"
    "static int lent[PLACES]; /* the buffer of each operation; -1 none */\n"
    "static struct {\n"
    "    struct sr_buffer *handle, *copy;\n"
    "    uint8_t *bytes;\n"
    "    int released;\n"
    "    int parts[4], part_count;\n"
    "} buffers[PLACES];\n"
    "static char scratch[1 << 16];\n"
    "static size_t moved, count;\n"
    "static uint32_t ran, left;\n"
    "static int fd, fds[2], differs, broken;\n"
    "\n"
    "/* What a call answered in the run. */\n"
    "#define SHOULD(expression, was)                                                                       \\\n"
    "    do {                                                                                              \\\n"
    "        long long is_ = (long long)(expression);                                                      \\\n"
    "        if (is_ != (long long)(was) && differs++ < 5)                                                 \\\n"
    "            printf(\"line %d: %s is %lld, and was %lld in the run\\n\", __LINE__, #expression, is_,       \\\n"
    "                   (long long)(was));                                                                 \\\n"
    "    } while (0)\n"
    "#define COUNTS(flying, orphans)                   \\\n"
    "    do {                                          \\\n"
    "        SHOULD(sr_ring_in_flight(ring), flying);  \\\n"
    "        SHOULD(sr_ring_orphan_count(ring), orphans); \\\n"
    "    } while (0)\n"
    "#define PART(vector, part) (buffers[vector].parts[buffers[vector].part_count++] = (part))\n"
    "#define BROKEN(rule) (broken++, printf(\"line %d: here the run broke %s\\n\", __LINE__, rule))\n"
    "\n";

static const char memory[] =
    "/* Nothing is given back to the system, so that what was released too early can be looked at. */\n"
    "static void *allocate(void *self, size_t size, size_t alignment)\n"
    "{\n"
    "    void *memory = NULL;\n"
    "    (void)self;\n"
    "    return posix_memalign(&memory, alignment < 16 ? 16 : alignment, size) == 0 ? memory : NULL;\n"
    "}\n"
    "\n"
    "static void release(void *self, void *memory, size_t size)\n"
    "{\n"
    "    (void)self;\n"
    "    for (int i = 0; i < PLACES; i++)\n"
    "        if (buffers[i].bytes >= (uint8_t *)memory && buffers[i].bytes < (uint8_t *)memory + size)\n"
    "            buffers[i].released = 1;\n"
    "}\n"
    "\n"
    "static int touch(int i)\n"
    "{\n"
    "    struct sr_guard guard;\n"
    "    int rc = sr_buffer_try_access(&buffers[i].handle, &guard);\n"
    "    if (rc == 0) {\n"
    "        buffers[i].bytes = sr_guard_bytes(&guard);\n"
    "        sr_guard_end(&guard, &buffers[i].handle);\n"
    "    }\n"
    "    return rc;\n"
    "}\n"
    "\n"
    "static int make(int i, size_t size)\n"
    "{\n"
    "    memset(&buffers[i], 0, sizeof buffers[i]);\n"
    "    int rc = sr_buffer_new(&buffers[i].handle, size);\n"
    "    buffers[i].copy = buffers[i].handle;\n"
    "    return rc != 0 ? rc : touch(i);\n"
    "}\n"
    "\n"
    "static int join(int i)\n"
    "{\n"
    "    struct sr_buffer *parts[4];\n"
    "    for (int p = 0; p < buffers[i].part_count; p++)\n"
    "        parts[p] = buffers[buffers[i].parts[p]].handle;\n"
    "    int rc = sr_buffer_join(&buffers[i].handle, parts, (size_t)buffers[i].part_count);\n"
    "    buffers[i].copy = buffers[i].handle;\n"
    "    return rc;\n"
    "}\n"
    "\n"
    "static int split(int i)\n"
    "{\n"
    "    struct sr_buffer *parts[4] = {NULL};\n"
    "    int rc = sr_buffer_split(&buffers[i].handle, parts, (size_t)buffers[i].part_count);\n"
    "    for (int p = 0; p < buffers[i].part_count; p++)\n"
    "        buffers[buffers[i].parts[p]].handle = parts[p];\n"
    "    buffers[i].part_count = 0;\n"
    "    return rc;\n"
    "}\n"
    "\n";

static const char calls[] =
    "static int misuse(int i, int which)\n"
    "{\n"
    "    struct sr_buffer *copy = buffers[i].copy, *vector = NULL;\n"
    "    struct sr_guard guard;\n"
    "    struct sr_op op;\n"
    "    struct sr_op_spec spec = sr_spec_write(sr_fd(-1), 0, (struct sr_range){0});\n"
    "    switch (which) {\n"
    "    case 0: return sr_buffer_try_access(&copy, &guard);\n"
    "    case 1: return sr_buffer_release(&copy);\n"
    "    case 2: return sr_op_start(ring, &spec, &copy, &op);\n"
    "    case 3: return sr_buffer_join(&vector, &copy, 1);\n"
    "    default: return sr_buffer_is_user_owned(copy) ? 0 : SR_EBUFFER_IN_FLIGHT;\n"
    "    }\n"
    "}\n"
    "\n"
    "static int start(int i, int buffer, struct sr_op_spec spec, const uint8_t *argument, size_t length)\n"
    "{\n"
    "    spec.argument = length > 0 ? argument : NULL;\n"
    "    spec.argument_length = length;\n"
    "    lent[i] = buffer;\n"
    "    return buffer >= 0 ? sr_op_start(ring, &spec, &buffers[buffer].handle, &ops[i])\n"
    "                       : sr_op_start_plain(ring, &spec, &ops[i]);\n"
    "}\n"
    "\n"
    "static int take(int i)\n"
    "{\n"
    "    struct sr_buffer *back = NULL;\n"
    "    int result = sr_take(&dones[i], &back);\n"
    "    if (lent[i] >= 0)\n"
    "        buffers[lent[i]].handle = back;\n"
    "    return result;\n"
    "}\n"
    "\n"
    "static void callback(struct sr_ring *at_ring, struct sr_completion *at, void *user);\n"
    "\n"
    "static int then(int i)\n"
    "{\n"
    "    return sr_op_then(ring, &ops[i], callback, NULL);\n"
    "}\n"
    "\n"
    "static void panicked(const struct sr_panic *panic, void *user)\n"
    "{\n"
    "    (void)user;\n"
    "    printf(\"  panic: %s\\n\", panic->message);\n"
    "}\n"
    "\n"
    "static int open_ring(struct sr_config config)\n"
    "{\n"
    "    config.backend = &kernel;\n"
    "    int rc = sr_ring_open_config(&ring, &config);\n"
    "    return rc == 0 && config.disabled ? sr_ring_attach(ring) : rc;\n"
    "}\n"
    "\n";

static const char world[] =
    "static int file(const char *path, size_t size)\n"
    "{\n"
    "    int rc = sr_sim_file(sim, path, scratch, size);\n"
    "    return rc != 0 || (rc = sr_sim_open(sim, path, O_RDWR, &fd)) != 0 ? rc : fd;\n"
    "}\n"
    "\n"
    "static int listener(const uint8_t *address, uint32_t length)\n"
    "{\n"
    "    struct sockaddr_storage storage = {0};\n"
    "    memcpy(&storage, address, length);\n"
    "    int rc = sr_sim_listen(sim, (const struct sockaddr *)&storage, length, 16, &fd);\n"
    "    return rc != 0 ? rc : fd;\n"
    "}\n"
    "\n"
    "static int connect_to(int from, const uint8_t *address, uint32_t length)\n"
    "{\n"
    "    struct sockaddr_storage storage = {0};\n"
    "    memcpy(&storage, address, length);\n"
    "    return sr_sim_connect(sim, from, (const struct sockaddr *)&storage, length);\n"
    "}\n"
    "\n"
    "static unsigned descriptors(void)\n"
    "{\n"
    "    uint32_t made = 0, by_operations = 0;\n"
    "    sr_sim_open_descriptors(sim, &made, &by_operations);\n"
    "    return made + by_operations;\n"
    "}\n"
    "\n"
    "/* Helpers that this run had no use for. */\n"
    "static void unused(void)\n"
    "{\n"
    "    (void)misuse, (void)start, (void)take, (void)then, (void)open_ring, (void)file, (void)listener, (void)connect_to;\n"
    "    (void)descriptors, (void)join, (void)split, (void)make, (void)touch, (void)came, (void)moved, (void)count;\n"
    "    (void)ran, (void)left, (void)fds;\n"
    "}\n"
    "\n";

static const char main_head[] = "int main(void)\n"
                                "{\n"
                                "    unused();\n"
                                "    struct sr_allocator allocator = {allocate, release, NULL};\n"
                                "    struct sr_sim_options options = sr_sim_options_default();\n"
                                "    options.tape = tape;\n"
                                "    options.tape_size = sizeof tape - 1;\n"
                                "    SHOULD(sr_set_allocator(&allocator), 0);\n"
                                "    SHOULD(sr_sim_new(&sim, &options), 0);\n"
                                "    kernel = sr_sim_backend(sim);\n"
                                "    sr_set_panic_handler(panicked, NULL);\n"
                                "\n";

static const char main_tail[] =
    "\n"
    "    puts(broken > 0 && differs == 0 ? \"shown: this library does as the one in the run did\"\n"
    "                                    : \"not shown: this library answers otherwise\");\n"
    "    return broken > 0 && differs == 0 ? 1 : 0;\n"
    "}\n";

static void add_callbacks(struct sri_program *program, struct sri_text *out)
{
    sri_text_add(out,
                 "/* In the order in which they ran. */\n"
                 "static void callback(struct sr_ring *at_ring, struct sr_completion *at, void *user)\n{\n"
                 "    static int times;\n    (void)at_ring, (void)at, (void)user;\n    switch (times++) {\n");
    for (uint32_t i = 0; i < program->callback_count; i++)
        sri_text_add(out, "    case %u:\n%s    break;\n", i,
                     program->callbacks[i].text != NULL ? program->callbacks[i].text : "");
    sri_text_add(out, "    default: break;\n    }\n}\n\n");
}

void sri_program_text(struct sri_program *program, const struct sri_run *run, struct sri_text *out)
{
    const struct sri_verdict *verdict = program->rig->verdict;
    sri_text_add(out, "/*\n * Written by safer-ring from a run of the scenario %s.\n", run->scenario->name);
    if (verdict->kept > 0)
        sri_text_add(out, " *\n * %s: %s\n * %s\n", sri_rule_infos[verdict->violations[0].rule].name,
                     sri_rule_infos[verdict->violations[0].rule].text, verdict->violations[0].text);
    sri_text_add(
        out, " *\n *     cc this.c $(pkg-config --cflags --libs safer_ring_sim safer_ring) && ./a.out\n *\n"
             " * Exit code 1: it is shown. 0: the library answers otherwise than in the run.\n */\n");
    sri_text_add(out, "%s", head);
    /* A driven run of quiet luck: each of the kernel's choices stands on the tape. A quiet run has none. */
    sri_text_add(out, "/* What the kernel chose. */\nstatic const uint8_t tape[] = {%s%s0};\n\n",
                 program->answers.text != NULL ? "5,0," : "",
                 program->answers.text != NULL ? program->answers.text : "");
    sri_text_add(out, "%s%s%s", memory, calls, world);
    add_callbacks(program, out);
    sri_text_add(out, "%s%s%s", main_head, program->calls.text != NULL ? program->calls.text : "", main_tail);
}
