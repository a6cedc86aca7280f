/* SPDX-License-Identifier: GPL-2.0-or-later */
/* operators.cpp - C++'s operators new and delete, all that there are. The answer to a command is "BYTES BLOCKS". */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <sys/resource.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))

static void *volatile keep;
static long bytes, blocks;
/* libstdc++ asks for whole multiples of an alignment, so the sizes with this one are such. */
static const std::align_val_t line{ 64 };

static void add(void *p, long size)
{
	keep = p;
	bytes += size;
	blocks++;
}

/* say - without allocating. */
static void say(const char *text)
{
	if (write(1, text, strlen(text)) < 0)
		_exit(99);
}

static NOINLINE void leak_new(long n)
{
	for (long i = 0; i < n; i++) {
		add(::operator new(100 + i % 7), 100 + i % 7);
		add(::operator new[](200), 200);
		add(::operator new(101, std::nothrow), 101);
		add(::operator new[](201, std::nothrow), 201);
		add(::operator new(128, line), 128);
		add(::operator new[](256, line), 256);
		add(::operator new(192, line, std::nothrow), 192);
		add(::operator new[](320, line, std::nothrow), 320);
		add(::operator new(5000 + i), 5000 + i);
	}
}

static NOINLINE void delete_all(long n)
{
	for (long i = 0; i < n; i++) {
		::operator delete(keep = ::operator new(300));
		::operator delete[](keep = ::operator new[](300));
		::operator delete(keep = ::operator new(300), 300);
		::operator delete[](keep = ::operator new[](300), 300);
		::operator delete(keep = ::operator new(300, std::nothrow), std::nothrow);
		::operator delete[](keep = ::operator new[](300, std::nothrow), std::nothrow);
		::operator delete(keep = ::operator new(300, line), line);
		::operator delete[](keep = ::operator new[](300, line), line);
		::operator delete(keep = ::operator new(320, line), 320, line);
		::operator delete[](keep = ::operator new[](320, line), 320, line);
		::operator delete(keep = ::operator new(300, line, std::nothrow), line, std::nothrow);
		::operator delete[](keep = ::operator new[](300, line, std::nothrow), line, std::nothrow);
	}
}

/* There is not that much: it throws, and what comes next is an allocation like any other. */
static void ask_too_much(long n)
{
	volatile size_t huge = static_cast<size_t>(1) << 62;

	for (long i = 0; i < n; i++) {
		try {
			keep = ::operator new(huge);
			_exit(98);
		} catch (const std::bad_alloc &) {
			add(malloc(40), 40);
		}
		if (::operator new(huge, std::nothrow))
			_exit(97);
		add(::operator new(50), 50);
	}
}

static NOINLINE void new_throws(long n)
{
	ask_too_much(n);
}

static void *reserve;
static long n_handled;

static void limit_space(rlim_t limit)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_AS, &r))
		_exit(96);
	r.rlim_cur = limit;
	if (setrlimit(RLIMIT_AS, &r))
		_exit(96);
}

/* make_room - a new handler: operator new tries again after it. */
static void make_room()
{
	::operator delete(reserve);
	reserve = nullptr;
	n_handled++;
	limit_space(RLIM_INFINITY);
}

/* try_in_vain - a new handler that makes an exception, and catches it itself. */
static void try_in_vain()
{
	try {
		throw 1;
	} catch (int) {
		make_room();
	}
}

static void give_up()
{
	throw std::bad_alloc();
}

/* make_room_by - operator new of more than there is, with a handler that lets it succeed. */
static void make_room_by(std::new_handler handler)
{
	/* It is never deleted: an allocator may keep what it is given back. It may also ask for more than it needs. */
	const size_t huge = static_cast<size_t>(1) << 26;

	reserve = ::operator new(1000);
	std::set_new_handler(handler);
	limit_space(1);
	keep = ::operator new(huge);
	std::set_new_handler(nullptr);
	limit_space(RLIM_INFINITY);
	::operator delete(reserve);
	add(keep, huge);
	add(::operator new(60), 60);
}

static NOINLINE void handler_makes_room(long n)
{
	for (long i = 0; i < n; i++)
		make_room_by(make_room);
	if (n_handled < 5)
		_exit(94);
}

static NOINLINE void handler_throws_inside(long n)
{
	for (long i = 0; i < n; i++)
		make_room_by(try_in_vain);
	if (n_handled < 5)
		_exit(94);
}

static NOINLINE void handler_gives_up(long n)
{
	std::set_new_handler(give_up);
	ask_too_much(n);
	std::set_new_handler(nullptr);
}

struct thrower {
	char room[70];
	NOINLINE thrower()
	{
		throw 1;
	}
};

/* The object is deleted again by the code that called its constructor. */
static NOINLINE void constructor_throws(long n)
{
	for (long i = 0; i < n; i++) {
		try {
			keep = new thrower;
			_exit(98);
		} catch (int) {
			add(::operator new(80), 80);
		}
	}
}

int main()
{
	static const struct {
		const char *name;
		void (*run)(long n);
	} commands[] = {
		{ "leak_new", leak_new },
		{ "delete_all", delete_all },
		{ "new_throws", new_throws },
		{ "handler_makes_room", handler_makes_room },
		{ "handler_throws_inside", handler_throws_inside },
		{ "handler_gives_up", handler_gives_up },
		{ "constructor_throws", constructor_throws },
	};
	char text[128], name[64];
	long n;

	setbuf(stdin, nullptr);
	::operator delete(keep = ::operator new(1));
	keep = malloc(1);
	try { /* what is allocated for the first exception alone */
		throw 1;
	} catch (int) {
	}
	say("ready\n");
	while (fgets(text, sizeof(text), stdin)) {
		if (sscanf(text, "%63s %ld", name, &n) != 2)
			return 95;
		bytes = blocks = n_handled = 0;
		for (const auto &c : commands)
			if (!strcmp(c.name, name))
				c.run(n);
		snprintf(text, sizeof(text), "%ld %ld\n", bytes, blocks);
		say(text);
	}
	return 0;
}
