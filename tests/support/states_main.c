/*
 * safer-ring-states: writes docs/states.md, drawn from the tables the library runs on, to standard output. With an
 * argument, the path of a document, it compares instead: 0 when the document is current, 1 when it is not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "safer_ring/error.h"
#include "support/machines.h"

static int cell(const struct sri_machine *machine, unsigned state, unsigned event)
{
    return machine->table[state * machine->event_count + event];
}

static void write_cell(FILE *out, const struct sri_machine *machine, int next)
{
    if (next >= 0)
        fprintf(out, " **%s** |", machine->states[next]);
    else if (next == SRI_IMPOSSIBLE)
        fprintf(out, " · |");
    else
        fprintf(out, " `%s` |", sr_err_name(next));
}

static void write_table(FILE *out, const struct sri_machine *machine)
{
    fprintf(out, "| state |");
    for (unsigned event = 0; event < machine->event_count; event++)
        fprintf(out, " %s |", machine->events[event]);
    fprintf(out, "\n|---|");
    for (unsigned event = 0; event < machine->event_count; event++)
        fprintf(out, "---|");
    fprintf(out, "\n");
    for (unsigned state = 0; state < machine->state_count; state++) {
        fprintf(out, "| %s |", machine->states[state]);
        for (unsigned event = 0; event < machine->event_count; event++)
            write_cell(out, machine, cell(machine, state, event));
        fprintf(out, "\n");
    }
}

static void write_diagram(FILE *out, const struct sri_machine *machine)
{
    fprintf(out, "```mermaid\nstateDiagram-v2\n    [*] --> %s\n", machine->states[0]);
    for (unsigned state = 0; state < machine->state_count; state++)
        for (unsigned event = 0; event < machine->event_count; event++)
            if (cell(machine, state, event) >= 0)
                fprintf(out, "    %s --> %s: %s\n", machine->states[state],
                        machine->states[cell(machine, state, event)], machine->events[event]);
    fprintf(out, "```\n");
}

static int longest(const char *const names[], unsigned count)
{
    size_t length = 0;
    for (unsigned i = 0; i < count; i++)
        length = strlen(names[i]) > length ? strlen(names[i]) : length;
    return (int)length;
}

/* The same picture for the eye alone: one line per arrow, each state's first with its name. */
static void write_drawing(FILE *out, const struct sri_machine *machine)
{
    static const char dashes[] = "--------------------";
    int wide = longest(machine->states, machine->state_count);
    int long_event = longest(machine->events, machine->event_count);
    fprintf(out, "```text\n");
    for (unsigned state = 0; state < machine->state_count; state++) {
        const char *name = machine->states[state];
        for (unsigned event = 0; event < machine->event_count; event++) {
            int next = cell(machine, state, event);
            if (next < 0)
                continue;
            int pad = long_event - (int)strlen(machine->events[event]);
            fprintf(out, "%*s --%s-%.*s-> %s\n", wide, name, machine->events[event], pad, dashes,
                    machine->states[next]);
            name = "";
        }
        if (*name != '\0')
            fprintf(out, "%*s (for good)\n", wide, name);
    }
    fprintf(out, "```\n");
}

static void write_document(FILE *out)
{
    fprintf(
        out,
        "# State machines\n\n"
        "Written by `safer-ring-states` from the tables the library runs on (`src/machine`); do not edit. To renew\n"
        "it: `safer-ring-states > docs/states.md`.\n\n"
        "A row is a state, a column an event. **Bold** is the next state. A code is how the event is refused: the\n"
        "state does not change. A dot is a contradiction within the library, which stops the run. The pictures show\n"
        "the moves only.\n");
    for (size_t i = 0; i < MACHINES; i++) {
        fprintf(out, "\n## %s\n\n%s\n\n", machines[i]->name, machines[i]->about);
        write_table(out, machines[i]);
        fprintf(out, "\n");
        write_diagram(out, machines[i]);
        fprintf(out, "\n");
        write_drawing(out, machines[i]);
    }
}

/* The first line in which the two differ, counted from 1; 0: none. */
static unsigned first_difference(FILE *document, FILE *current)
{
    unsigned line = 1;
    for (;;) {
        int a = getc(document);
        int b = getc(current);
        if (a != b)
            return line;
        if (a == EOF)
            return 0;
        line += a == '\n';
    }
}

static int compare(const char *path)
{
    FILE *document = fopen(path, "r");
    FILE *current = tmpfile();
    if (document == NULL || current == NULL) {
        perror(path);
        return 1;
    }
    write_document(current);
    rewind(current);
    unsigned line = first_difference(document, current);
    fclose(document);
    fclose(current);
    if (line != 0)
        fprintf(stderr, "%s:%u: not what the tables say now; renew it: safer-ring-states > %s\n", path, line,
                path);
    return line != 0;
}

int main(int argc, char **argv)
{
    if (argc == 2)
        return compare(argv[1]);
    write_document(stdout);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
