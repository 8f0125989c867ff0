/* SPDX-License-Identifier: GPL-2.0 OR MIT
 *
 * What runs in the kernel: two iterators that write a record for each task and for each open file that holds a
 * namespace, and tracepoints that put records into a ring buffer. src/observe/bpf/record.rs reads these records.
 * scripts/bpf builds podscope.bpf.o from this file.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "kernel.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* MAX_PID_NS_LEVEL of include/linux/pid_namespace.h: levels 0 to 32. */
#define PID_LEVELS 33

/* Positions in the arrays of a task's namespaces. */
enum {
	NS_CGROUP,
	NS_IPC,
	NS_MNT,
	NS_NET,
	NS_PID,
	NS_TIME,
	NS_USER,
	NS_UTS,
	NS_PID_FOR_CHILDREN,
	NS_TIME_FOR_CHILDREN,
	NAMESPACES,
};

/*
 * What is known of a task at this moment. All pids are those of the initial pid namespace. The iterator writes a struct
 * process after the first thread of a process.
 */
struct task {
	u32 size; /* of the whole record: up to the last pid that is used, and of what follows it */
	u32 level; /* of its pid namespace; there are level + 1 pids */
	u32 pid;
	u32 tgid;
	u32 ppid;
	u32 tracer; /* 0: none */
	u32 state;
	u32 exit_state;
	u32 flags;
	u32 exit_code;
	u32 uid;
	u32 euid;
	u32 threads;
	u32 has_actions; /* ignored and caught were read */
	u64 start; /* ns of CLOCK_BOOTTIME */
	u64 process_start; /* of the leader */
	u64 run_time; /* ns */
	u64 cgroup;
	u64 blocked;
	u64 real_blocked;
	u64 pending;
	u64 shared_pending;
	u64 ignored;
	u64 caught;
	u64 ns_ids[NAMESPACES]; /* 0: the kernel has none */
	u32 ns_inodes[NAMESPACES]; /* 0: the task has none any more */
	char comm[16];
	u32 pids[PID_LEVELS];
};

#define TASK_SIZE_WITHOUT_PIDS __builtin_offsetof(struct task, pids)

/* What all threads of a process have in common and only the iterator reads. */
struct process {
	u64 ended_run_time; /* ns, of its threads that have ended */
	u64 waited_user; /* ns, of children that it has waited for, and of theirs */
	u64 waited_system;
	s64 rss; /* pages; 0: it has no memory */
	u32 has_rss; /* rss is known */
	u32 unused;
};

/* A process, and the thread of it that is meant. */
struct task_ref {
	u32 pid;
	u32 tgid;
	u64 process_start; /* 0: not known */
};

struct holder {
	struct task_ref task;
	u32 fd;
	u32 kind; /* CLONE_NEW*, or 0 for a socket */
	u64 ns_id;
	u32 ns_inode;
	u32 family; /* of a socket */
	u64 inode; /* of a socket */
};

enum {
	EVENT_SIGNAL = 1,
	EVENT_FORK,
	EVENT_EXEC,
	EVENT_EXIT,
	EVENT_SETNS,
	EVENT_UNSHARE,
	EVENT_CGROUP,
	EVENT_OOM,
};

struct event {
	u32 kind;
	/* EVENT_CGROUP: of the hierarchy; EVENT_EXEC: the thread's pid before; EVENT_EXIT: whether it is the last thread */
	u32 number;
	u64 time; /* CLOCK_MONOTONIC */
	/* EVENT_CGROUP: where the task is now; EVENT_EXIT of the last thread: what wait(2) will report */
	u64 value;
	struct task task;
};

struct signal_event {
	u32 kind;
	s32 signal;
	u64 time;
	s32 code;
	u32 origin; /* 0: by kill and the like without siginfo; 1: by the kernel; 2: see code */
	u32 group; /* to the process and not to the thread */
	s32 result; /* TRACE_SIGNAL_* of include/trace/events/signal.h */
	struct task_ref current;
	struct task_ref target;
	char current_comm[16]; /* of the process */
	char target_comm[16];
};

struct oom_event {
	u32 kind;
	u32 unused;
	u64 time;
	struct task_ref victim;
	struct task_ref current;
	char victim_comm[16]; /* empty if the kernel passes only the pid */
	char current_comm[16];
};

/* The loader makes the maps; it chooses the size of this one. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} events SEC(".maps");

/* How many events found no room. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} lost SEC(".maps");

/*
 * The processes of which events are reported, by pid. Entry 0 is always there: if it is not 0, all processes are. All
 * entries are made in advance, because a tracepoint may not wait for memory.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 14);
	__type(key, u32);
	__type(value, u32);
} watched SEC(".maps");

/*
 * Pointers are followed by BPF_CORE_READ, not directly. For each pointer that is loaded directly the verifier looks for
 * a type by its name in a list of all types of the kernel, which takes some milliseconds. What is read often is read
 * with few calls: each takes about 20 ns.
 */
static __noinline void read_namespace(struct task *out, u32 at, const struct ns_common *ns)
{
	const u32 inode_at = bpf_core_field_offset(ns->inum), id_at = bpf_core_field_offset(ns->ns_id);
	u64 *both = (u64 *)out->comm; /* there is no more room on the stack */

	if (!bpf_core_field_exists(ns->ns_id)) {
		out->ns_inodes[at] = BPF_CORE_READ(ns, inum);
	} else if (id_at > inode_at && id_at - inode_at <= sizeof(out->comm) - sizeof(u64)) {
		bpf_probe_read_kernel(both, id_at - inode_at + sizeof(u64), (const void *)ns + inode_at);
		out->ns_inodes[at] = *(u32 *)both;
		out->ns_ids[at] = *(u64 *)((void *)both + (id_at - inode_at));
	} else {
		out->ns_inodes[at] = BPF_CORE_READ(ns, inum);
		out->ns_ids[at] = BPF_CORE_READ(ns, ns_id);
	}
}

/* A namespace to which the copy of an nsproxy points. */
#define READ_OF_NSPROXY(out, at, copy, member, type)                                                     \
	read_namespace(out, at, *(const void **)((copy) + bpf_core_field_offset(struct nsproxy, member)) + \
					bpf_core_field_offset(struct type, ns))

/*
 * The namespaces of a task's nsproxy. They are those of one moment: while the task has this nsproxy, it is not freed.
 * If the task has got another one meanwhile, they are read again. The copy is where the pids will be: there is no more
 * room on the stack.
 */
static __always_inline void read_nsproxy(struct task *out, const struct task_struct *task)
{
	const struct nsproxy *proxy = BPF_CORE_READ(task, nsproxy), *now;
	const u32 size = bpf_core_type_size(struct nsproxy);
	const void *copy = out->pids;

	for (int attempt = 0; attempt < 2 && proxy && size <= sizeof(out->pids); attempt++) {
		bpf_probe_read_kernel(out->pids, size, proxy);
		READ_OF_NSPROXY(out, NS_CGROUP, copy, cgroup_ns, cgroup_namespace);
		READ_OF_NSPROXY(out, NS_IPC, copy, ipc_ns, ipc_namespace);
		READ_OF_NSPROXY(out, NS_MNT, copy, mnt_ns, mnt_namespace);
		READ_OF_NSPROXY(out, NS_NET, copy, net_ns, net);
		READ_OF_NSPROXY(out, NS_TIME, copy, time_ns, time_namespace);
		READ_OF_NSPROXY(out, NS_UTS, copy, uts_ns, uts_namespace);
		READ_OF_NSPROXY(out, NS_PID_FOR_CHILDREN, copy, pid_ns_for_children, pid_namespace);
		READ_OF_NSPROXY(out, NS_TIME_FOR_CHILDREN, copy, time_ns_for_children, time_namespace);
		now = BPF_CORE_READ(task, nsproxy);
		if (now == proxy)
			return;
		proxy = now;
	}
	__builtin_memset(out->ns_ids, 0, sizeof(out->ns_ids));
	__builtin_memset(out->ns_inodes, 0, sizeof(out->ns_inodes));
}

/*
 * The pid in each pid namespace that the task is in, and the innermost of these namespaces: a zombie has it too. Then
 * the place for the name is free.
 */
static __always_inline void read_pids_and_comm(struct task *out, const struct task_struct *task)
{
	const struct pid *pid = BPF_CORE_READ(task, thread_pid);
	const void *numbers = (const void *)pid + bpf_core_field_offset(pid->numbers);
	const u32 stride = bpf_core_type_size(struct upid);
	u32 level = pid ? BPF_CORE_READ(pid, level) : 0;
	const struct upid *innermost;

	if (level > PID_LEVELS - 1)
		level = PID_LEVELS - 1;
	innermost = numbers + level * stride;
	read_namespace(out, NS_PID, &BPF_CORE_READ(innermost, ns)->ns);
	__builtin_memcpy(out->comm, task->comm, sizeof(out->comm));
	out->level = level;
	out->size = TASK_SIZE_WITHOUT_PIDS + (level + 1) * sizeof(u32);
	for (u32 i = 0; i < PID_LEVELS; i++) {
		const struct upid *at = numbers + i * stride;
		bpf_core_read(&out->pids[i], sizeof(u32), &at->nr);
		if (i == level)
			break;
	}
}

static __always_inline u32 state_of(const struct task_struct *task)
{
	if (bpf_core_field_exists(task->__state))
		return task->__state;
	return ((const struct task_struct___before_5_14 *)task)->state;
}

/* 1 if a number is not 0. Without a branch: each makes the verifier's work longer, 128 times in the loop below. */
static __always_inline u64 is_not_zero(u64 number)
{
	u64 negative = -number;
	barrier_var(negative);
	return (number | negative) >> 63;
}

/*
 * Which signals are ignored and which have a handler. It is the same for all threads. Four are read at once, to where
 * the pids will be.
 */
SEC(".text.tasks")
static __noinline void read_actions(struct task *out, const struct task_struct *task)
{
	const struct sighand_struct *sighand = BPF_CORE_READ(task, sighand);
	const u32 stride = bpf_core_type_size(struct k_sigaction);
	const void *actions = &sighand->action;
	const void *copy = (const void *)out->pids + bpf_core_field_offset(struct k_sigaction, sa.sa_handler);

	if (!sighand || 4 * stride > sizeof(out->pids))
		return;
#pragma nounroll
	for (u32 i = 0; i < 64; i++) {
		u64 handler, is_handled, is_handler;
		if (i % 4 == 0)
			bpf_probe_read_kernel(out->pids, 4 * stride, actions + i * stride);
		handler = *(u64 *)(copy + i % 4 * stride);
		is_handled = is_not_zero(handler);
		is_handler = is_not_zero(handler >> 1);
		out->ignored |= (is_handled ^ is_handler) << i; /* SIG_IGN is 1 */
		out->caught |= is_handler << i;
	}
	out->has_actions = 1;
}

/* What wait(2) will report if the process ends with this exit code of one of its threads. */
static __always_inline u32 group_exit_code_or(const struct task_struct *task, u32 code)
{
	const u32 signal_group_exit = 4; /* SIGNAL_GROUP_EXIT of include/linux/sched/signal.h */
	const struct signal_struct *signal = BPF_CORE_READ(task, signal);

	return BPF_CORE_READ(signal, flags) & signal_group_exit ? BPF_CORE_READ(signal, group_exit_code) : code;
}

/*
 * Fills in a record of zeros, all but the actions. Functions that are not inlined are in the object once. They also have
 * a stack of their own, but all stacks together have 512 bytes, in steps of 32. The loader appends to a program the
 * sections with functions that it calls; all functions of a section must be called, or the kernel refuses them.
 */
static __noinline void read_task(struct task *out, const struct task_struct *task)
{
	const struct signal_struct *signal = BPF_CORE_READ(task, signal);
	const struct cred *cred = BPF_CORE_READ(task, real_cred);

	read_nsproxy(out, task);
	read_namespace(out, NS_USER, &BPF_CORE_READ(cred, user_ns)->ns);
	out->pid = task->pid;
	out->tgid = task->tgid;
	out->ppid = BPF_CORE_READ(task, real_parent, tgid);
	if (task->ptrace)
		out->tracer = BPF_CORE_READ(task, parent, tgid);
	out->state = state_of(task);
	out->exit_state = task->exit_state;
	out->flags = task->flags;
	out->exit_code = group_exit_code_or(task, task->exit_code);
	out->uid = BPF_CORE_READ(cred, uid.val);
	out->euid = BPF_CORE_READ(cred, euid.val);
	out->threads = BPF_CORE_READ(signal, nr_threads);
	out->start = task->start_boottime;
	out->process_start = task->start_boottime;
	if (out->pid != out->tgid)
		out->process_start = BPF_CORE_READ(task, group_leader, start_boottime);
	out->run_time = task->se.sum_exec_runtime;
	out->cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	out->blocked = task->blocked.sig[0];
	out->real_blocked = task->real_blocked.sig[0];
	out->pending = task->pending.signal.sig[0];
	out->shared_pending = BPF_CORE_READ(signal, shared_pending.signal.sig[0]);
	/* last, because the verifier looks at what follows once for each number of pids */
	read_pids_and_comm(out, task);
}

/* With more CPUs rss is not known. Each adds to the work of the verifier. */
#define CPUS_MAX 16

/* Serves only to find the memory of each CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} of_cpus SEC(".maps");

/*
 * Adds up what a process has of its memory, as `VmRSS` of /proc/PID/status does: pages of files, of its own and shared
 * ones (MM_FILEPAGES, MM_ANONPAGES, MM_SHMEMPAGES of include/linux/mm_types_task.h).
 */
static __always_inline void read_rss(struct process *out, const struct mm_struct *mm)
{
	const struct mm_struct___before_6_2 *old = (const void *)mm;
	const s32 *counters[2];
	const s32 *shared;
	const void *volatile of_cpus_at = &of_cpus;
	const struct bpf_array *array;
	u32 first = 0;
	u64 base;

	if (bpf_core_field_exists(old->rss_stat.count)) {
		out->rss = BPF_CORE_READ(old, rss_stat.count[0].counter) + BPF_CORE_READ(old, rss_stat.count[1].counter) +
			   BPF_CORE_READ(old, rss_stat.count[3].counter);
		out->has_rss = 1;
		return;
	}
	if (!bpf_core_field_exists(mm->rss_stat[0].counters))
		return;
	out->rss = BPF_CORE_READ(mm, rss_stat[0].count) + BPF_CORE_READ(mm, rss_stat[1].count) +
		   BPF_CORE_READ(mm, rss_stat[3].count);
	counters[0] = BPF_CORE_READ(mm, rss_stat[0].counters);
	counters[1] = BPF_CORE_READ(mm, rss_stat[1].counters);
	shared = BPF_CORE_READ(mm, rss_stat[3].counters);
	/* no program may calculate with the address of a map, but it may read what is there */
	bpf_probe_read_kernel(&array, sizeof(array), (const void *)&of_cpus_at);
	base = (u64)BPF_CORE_READ(array, pptrs[0]);
	for (u32 cpu = 0; cpu < CPUS_MAX; cpu++) {
		volatile u64 *of_cpu = bpf_map_lookup_percpu_elem(&of_cpus, &first, cpu);
		s32 more[3] = {};
		u64 offset;
		if (!of_cpu) {
			out->has_rss = 1;
			return;
		}
		/* this makes a number of its address */
		*of_cpu = (u64)of_cpu;
		offset = *of_cpu - base;
		bpf_probe_read_kernel(&more[0], sizeof(s32), (const void *)counters[0] + offset);
		bpf_probe_read_kernel(&more[1], sizeof(s32), (const void *)counters[1] + offset);
		bpf_probe_read_kernel(&more[2], sizeof(s32), (const void *)shared + offset);
		out->rss += more[0] + more[1] + more[2];
	}
}

SEC(".text.tasks")
static __noinline void read_process(struct process *out, const struct task_struct *task)
{
	const u32 kernel_thread = 0x200000; /* PF_KTHREAD of include/linux/sched.h */
	const struct signal_struct *signal = BPF_CORE_READ(task, signal);
	const struct mm_struct *mm = BPF_CORE_READ(task, mm);

	out->ended_run_time = BPF_CORE_READ(signal, sum_sched_runtime);
	out->waited_user = BPF_CORE_READ(signal, cutime);
	out->waited_system = BPF_CORE_READ(signal, cstime);
	out->rss = 0;
	out->has_rss = 0;
	out->unused = 0;
	/* a kernel thread may use the memory of a process for a while */
	if (!mm || task->flags & kernel_thread)
		out->has_rss = 1;
	else
		read_rss(out, mm);
	/* it has left this memory meanwhile, which another process may have by now */
	if (BPF_CORE_READ(task, mm) != mm)
		out->has_rss = 0;
}

static __always_inline struct task_ref refer_to(const struct task_struct *task)
{
	struct task_ref ref = {
		.pid = task->pid,
		.tgid = task->tgid,
		.process_start = BPF_CORE_READ(task, group_leader, start_boottime),
	};
	return ref;
}

/* The name of the task's process: 16 bytes. */
static __always_inline void read_comm(char *out, const struct task_struct *task)
{
	const struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	bpf_core_read(out, 16, &leader->comm);
}

SEC("iter/task")
int tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct task out = {};
	struct process *process = (void *)out.pids;
	u32 size;

	if (!task)
		return 0;
	if (task->pid == task->tgid)
		read_actions(&out, task);
	read_task(&out, task);
	size = out.size;
	/* without a pid it has been reaped meanwhile */
	if (!out.pids[0] || size > sizeof(out))
		return 0;
	if (out.pid != out.tgid) {
		bpf_seq_write(ctx->meta->seq, &out, size);
		return 0;
	}
	out.size += sizeof(*process);
	bpf_seq_write(ctx->meta->seq, &out, size);
	/* there is no more room on the stack, and the pids are written */
	read_process(process, task);
	bpf_seq_write(ctx->meta->seq, process, sizeof(*process));
	return 0;
}

SEC("iter/task_file")
int holders(struct bpf_iter__task_file *ctx)
{
	const u32 nsfs_magic = 0x6e736673, sockfs_magic = 0x534f434b; /* include/uapi/linux/magic.h */
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct ns_common *ns = 0;
	struct holder out = {};
	struct inode *inode;
	u32 magic;

	if (!task || !file)
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	magic = BPF_CORE_READ(inode, i_sb, s_magic);
	if (magic == nsfs_magic) {
		ns = BPF_CORE_READ(inode, i_private);
		if (bpf_core_field_exists(ns->ns_type))
			out.kind = BPF_CORE_READ(ns, ns_type);
		else
			out.kind = BPF_CORE_READ(ns, ops, type);
	} else if (magic == sockfs_magic) {
		struct socket *socket = file->private_data;
		struct sock *sock = BPF_CORE_READ(socket, sk);
		if (!sock)
			return 0;
		out.family = BPF_CORE_READ(sock, __sk_common.skc_family);
		out.inode = BPF_CORE_READ(inode, i_ino);
		ns = &BPF_CORE_READ(sock, __sk_common.skc_net.net)->ns;
	} else {
		return 0;
	}
	out.task = refer_to(task);
	out.fd = ctx->fd;
	out.ns_inode = BPF_CORE_READ(ns, inum);
	if (bpf_core_field_exists(ns->ns_id))
		out.ns_id = BPF_CORE_READ(ns, ns_id);
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}

static __always_inline int has_entry(u32 process)
{
	const u32 *entry = bpf_map_lookup_elem(&watched, &process);
	return entry && *entry;
}

static __always_inline int is_watched(const struct task_struct *task)
{
	return has_entry(task->tgid) || has_entry(0);
}

/* Room for an event in the ring buffer, or 0. */
static __always_inline void *reserve(u64 size)
{
	void *room = bpf_ringbuf_reserve(&events, size, 0);
	u32 first = 0;
	u64 *count;

	if (!room) {
		count = bpf_map_lookup_elem(&lost, &first);
		if (count)
			__sync_fetch_and_add(count, 1);
	}
	return room;
}

static __always_inline void send(u32 kind, const struct task_struct *task, u32 number, u64 value)
{
	struct event *out = reserve(sizeof(*out));

	if (!out)
		return;
	__builtin_memset(out, 0, sizeof(*out));
	out->kind = kind;
	out->number = number;
	out->time = bpf_ktime_get_ns();
	out->value = value;
	read_task(&out->task, task);
	bpf_ringbuf_submit(out, 0);
}

static __always_inline void send_task(u32 kind, const struct task_struct *task, u32 number, u64 value)
{
	if (is_watched(task))
		send(kind, task, number, value);
}

SEC("tp_btf/signal_generate")
int signal_generate(u64 *ctx)
{
	const struct kernel_siginfo *info = (const void *)ctx[1];
	const struct task_struct *target = (const void *)ctx[2], *current = bpf_get_current_task_btf();
	struct signal_event *out;

	if (!has_entry(target->tgid) && !is_watched(current))
		return 0;
	out = reserve(sizeof(*out));
	if (!out)
		return 0;
	out->kind = EVENT_SIGNAL;
	out->signal = (s32)ctx[0];
	out->time = bpf_ktime_get_ns();
	out->code = 0;
	out->group = (u32)ctx[3];
	out->result = (s32)ctx[4];
	out->current = refer_to(current);
	out->target = refer_to(target);
	read_comm(out->current_comm, current);
	read_comm(out->target_comm, target);
	/* SEND_SIG_NOINFO and SEND_SIG_PRIV of include/linux/sched/signal.h are no addresses */
	if (!info) {
		out->origin = 0;
	} else if (info == (const void *)1) {
		out->origin = 1;
	} else {
		out->origin = 2;
		bpf_core_read(&out->code, sizeof(out->code), &info->si_code);
	}
	bpf_ringbuf_submit(out, 0);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int process_fork(u64 *ctx)
{
	/* watch_fork may not have seen the child yet */
	if (is_watched((const void *)ctx[0]))
		send(EVENT_FORK, (const void *)ctx[1], 0, 0);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int process_exec(u64 *ctx)
{
	send_task(EVENT_EXEC, (const void *)ctx[0], (u32)ctx[1], 0);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int process_exit(u64 *ctx)
{
	const struct task_struct *task = (const void *)ctx[0];
	u32 code = group_exit_code_or(task, BPF_CORE_READ(task, group_leader, exit_code));

	/* two threads that end at the same time may both see that none is left */
	send_task(EVENT_EXIT, task, BPF_CORE_READ(task, signal, live.counter) == 0, code);
	return 0;
}

/* The children of a watched process are watched from their first moment. */
SEC("tp_btf/watch_fork")
int watch_fork(u64 *ctx)
{
	const struct task_struct *parent = (const void *)ctx[0], *child = (const void *)ctx[1];
	u32 process = child->tgid, is_there = 1;

	if (process == (u32)child->pid && has_entry(parent->tgid))
		bpf_map_update_elem(&watched, &process, &is_there, BPF_ANY);
	return 0;
}

/* 0, EVENT_SETNS or EVENT_UNSHARE. Calls of 32-bit programs have other numbers and are not recognised. */
static __always_inline u32 namespace_call(const struct pt_regs *regs, const struct task_struct *task)
{
	const struct pt_regs___arm64 *arm64 = (const void *)regs;

	if (bpf_core_field_exists(regs->orig_ax)) {
		u64 call = regs->orig_ax;
		if ((call != 308 && call != 272) || task->thread_info.status & 2) /* TS_COMPAT */
			return 0;
		return call == 308 ? EVENT_SETNS : EVENT_UNSHARE;
	}
	if (bpf_core_field_exists(arm64->syscallno)) {
		s32 call = arm64->syscallno;
		if ((call != 268 && call != 97) || task->thread_info.flags & 1 << 22) /* TIF_32BIT */
			return 0;
		return call == 268 ? EVENT_SETNS : EVENT_UNSHARE;
	}
	return 0;
}

SEC("tp_btf/sys_exit")
int syscall_exit(u64 *ctx)
{
	const struct task_struct *task = bpf_get_current_task_btf();
	u32 kind = namespace_call((const void *)ctx[0], task);

	if (kind && ctx[1] == 0)
		send_task(kind, task, 0, 0);
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int cgroup_attach(u64 *ctx)
{
	const struct cgroup *cgroup = (const void *)ctx[0];
	send_task(EVENT_CGROUP, (const void *)ctx[2], BPF_CORE_READ(cgroup, root, hierarchy_id),
		  BPF_CORE_READ(cgroup, kn, id));
	return 0;
}

SEC("tp_btf/mark_victim")
int mark_victim(u64 *ctx)
{
	/* there are few of them, so they are reported of all processes */
	struct oom_event *out = reserve(sizeof(*out));
	const struct task_struct *current = bpf_get_current_task_btf();

	if (!out)
		return 0;
	__builtin_memset(out, 0, sizeof(*out));
	out->kind = EVENT_OOM;
	out->time = bpf_ktime_get_ns();
	out->current = refer_to(current);
	read_comm(out->current_comm, current);
	if (bpf_core_field_exists(struct trace_event_raw_mark_victim, uid)) {
		const struct task_struct *victim = (const void *)ctx[0];
		out->victim = refer_to(victim);
		read_comm(out->victim_comm, victim);
	} else {
		out->victim.tgid = out->victim.pid = (u32)ctx[0];
	}
	bpf_ringbuf_submit(out, 0);
	return 0;
}
