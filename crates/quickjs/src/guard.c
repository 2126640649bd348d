/* The guarded call: a way out of the engine that needs nothing from the engine.
 *
 * `antiphon_guarded` runs a body of engine code. A stop, wherever it is noticed (allocator, interrupt hook, signal),
 * jumps back to the innermost guard of its thread. Nothing is cleaned up on the way: every frame in between belongs to
 * the engine or holds nothing that needs cleaning, and everything the engine owns lies in the arena, which is restored.
 *
 * `sigsetjmp` has no counterpart in Rust (it returns twice), therefore this file is C. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

struct guard {
    sigjmp_buf where;
    struct guard *outer;
    const volatile int *kill; /* not 0 = the watchdog wants this run to stop, and why */
};

/* The innermost guard whose engine code runs right now; none while Rust code of a host function runs. */
static _Thread_local struct guard *volatile armed __attribute__((tls_model("initial-exec")));

extern char __executable_start, etext;

int antiphon_guarded(const volatile int *kill, void (*body)(void *), void *data) {
    struct guard here;
    here.outer = armed;
    here.kill = kill;
    int why = sigsetjmp(here.where, 0);
    if (why == 0) {
        armed = &here;
        body(data);
    }
    armed = here.outer;
    return why;
}

/* Engine code is left for a host function: no jump may cross the host's frames. */
void *antiphon_disarm(void) {
    struct guard *guard = armed;
    armed = NULL;
    return guard;
}

void antiphon_arm(void *guard) { armed = guard; }

/* Jumps to the innermost guard; returns when there is none. */
void antiphon_stop(int why) {
    struct guard *guard = armed;
    if (guard)
        siglongjmp(guard->where, why);
}

static int in_own_text(const ucontext_t *context) {
#if defined(__x86_64__)
    uintptr_t at = (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    uintptr_t at = (uintptr_t)context->uc_mcontext.pc;
#else
    (void)context;
    return 0;
#endif
#if defined(__x86_64__) || defined(__aarch64__)
    return at >= (uintptr_t)&__executable_start && at < (uintptr_t)&etext;
#endif
}

/* Leaves only from the engine's own code: inside the C library a lock may be held. The watchdog asks again. */
static void on_signal(int number, siginfo_t *information, void *context) {
    (void)number;
    (void)information;
    struct guard *guard = armed;
    if (guard && *guard->kill && in_own_text(context))
        siglongjmp(guard->where, *guard->kill);
}

/* Installs the handler. The signal is not blocked while it runs, so that a jump out of it needs no mask restored. */
int antiphon_install(int number) {
    struct sigaction action = {0};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART;
    sigemptyset(&action.sa_mask);
    return sigaction(number, &action, NULL);
}
