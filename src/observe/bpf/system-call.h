/* Which namespace system call a task is in, by processor. 32-bit code has numbers of its own. */
#ifndef NSAUDIT_SYSTEM_CALL_H
#define NSAUDIT_SYSTEM_CALL_H

#include "helpers.h"
#include "records.h"

#if defined(__TARGET_ARCH_arm64)
#define CALL_UNSHARE 97
#define CALL_SETNS 268
#define CALL_CLONE 220
#define CALL_CLONE3 435
#define CALL32_UNSHARE 337
#define CALL32_SETNS 375
#define CALL32_CLONE 120
#define TIF_32BIT 22
#else
#define CALL_UNSHARE 272
#define CALL_SETNS 308
#define CALL_CLONE 56
#define CALL_CLONE3 435
#define CALL32_UNSHARE 310
#define CALL32_SETNS 346
#define CALL32_CLONE 120
#define TS_COMPAT 2
/* Set in the number of a call by x32 code; the numbers that matter are those of 64-bit code. */
#define X32_BIT 0x40000000
#endif

INLINE bool is_32bit(struct task_struct *task)
{
#if defined(__TARGET_ARCH_arm64)
	return task->thread_info.flags >> TIF_32BIT & 1;
#else
	return task->thread_info.status & TS_COMPAT;
#endif
}

INLINE s32 call_number(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_arm64)
	return regs->syscallno;
#else
	return (s32)regs->orig_ax & ~X32_BIT;
#endif
}

INLINE u64 first_argument(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_arm64)
	return regs->orig_x0;
#else
	return regs->di;
#endif
}

/* HOW_UNSHARE, HOW_SETNS, HOW_CLONE, HOW_CLONE3, or HOW_UNKNOWN for every other call. */
INLINE u32 call_of(struct task_struct *task, struct pt_regs *regs)
{
	s32 number = call_number(regs);

	if (number == CALL_CLONE3)
		return HOW_CLONE3;
	if (number == CALL_UNSHARE || number == CALL32_UNSHARE || number == CALL_SETNS ||
	    number == CALL32_SETNS || number == CALL_CLONE || number == CALL32_CLONE) {
		bool narrow = is_32bit(task);

		if (number == (narrow ? CALL32_UNSHARE : CALL_UNSHARE))
			return HOW_UNSHARE;
		if (number == (narrow ? CALL32_SETNS : CALL_SETNS))
			return HOW_SETNS;
		if (number == (narrow ? CALL32_CLONE : CALL_CLONE))
			return HOW_CLONE;
	}
	return HOW_UNKNOWN;
}

#endif
