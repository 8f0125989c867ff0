/* The shortest program that can hold a pod's namespaces, as some articles have it. It has no handler and waits for no
 * child. Written for Podscope; MIT or Apache-2.0. */
#include <unistd.h>

int main(void) {
  for (;;)
    pause();
}
