/* Memory that is only read, moved into large pages while others read it. */
#define _GNU_SOURCE
#include "CKernels.h"
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int gpt_move_to_large_page(void *place) {
  size_t size = GPT_LARGE_PAGE;
  char *room = mmap(0, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) return 0;
  size_t head = (size - (size_t)room % size) % size;
  if (head) munmap(room, head);
  char *page = room + head;
  munmap(page + size, size - head);
  if (madvise(page, size, MADV_HUGEPAGE) != 0) {
    munmap(page, size);
    return 0;
  }
  memcpy(page, place, size);
  if (mremap(page, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, place) == MAP_FAILED) {
    munmap(page, size);
    return 0;
  }
  return 1;
}

void gpt_yield_to_others(void) { setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 10); }
