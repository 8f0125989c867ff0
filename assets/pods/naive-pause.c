/* The shortest program that can hold a pod's namespaces, as some articles show it. It has no handlers and never waits
 * for a child. Written for Podscope; MIT or Apache-2.0. */
#include <unistd.h>

int main(void) {
  for (;;)
    pause();
}
