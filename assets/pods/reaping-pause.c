/* A pause that does what a pod's infra container must do, as build/pause/linux/pause.c of Kubernetes does: it ends on
 * TERM and INT, and waits for every child. Written for Podscope; MIT or Apache-2.0. */
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* SIGCHLD gets SA_NOCLDSTOP: a stopped child cannot be reaped. */
static int handle(int signal, void (*handler)(int), int flags) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
  return sigaction(signal, &action, NULL);
}

static void end(int signal) {
  psignal(signal, "Shutting down, got signal");
  _exit(0);
}

static void reap(int signal) {
  (void)signal;
  /* One SIGCHLD may be for many children. */
  while (waitpid(-1, NULL, WNOHANG) > 0) {
  }
}

int main(void) {
  if (handle(SIGINT, end, 0) || handle(SIGTERM, end, 0) || handle(SIGCHLD, reap, SA_NOCLDSTOP))
    return 1;
  for (;;)
    pause();
}
