/*
 * Our own contradiction stops the run: a state that the code proves impossible was met. In every build.
 */
#ifndef SRI_BASE_CONTRADICTION_H
#define SRI_BASE_CONTRADICTION_H

/* Cold: what leads here stands apart from the code that runs. */
__attribute__((cold)) _Noreturn void sri_contradiction(const char *file, int line, const char *what);

#define SRI_REQUIRE(condition)                                 \
    do {                                                       \
        if (__builtin_expect(!(condition), 0))                 \
            sri_contradiction(__FILE__, __LINE__, #condition); \
    } while (0)

#endif
