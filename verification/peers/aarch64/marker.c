/* The markers of the crate `depthwise-counter`, for programs that can't execute an instruction of
 * their choice: hints that are not allocated, so that every processor ignores them. */

void begin(void)
{
    __asm__ volatile("hint #112" ::: "memory");
}

void end(void)
{
    __asm__ volatile("hint #120" ::: "memory");
}
