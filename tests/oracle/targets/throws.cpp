// SPDX-License-Identifier: GPL-2.0-or-later
// throws.cpp - 20 threads of C++: exceptions through frames of every shape, containers, virtual calls, std::function. Says
// "ready" and works for two minutes at most.
#include <alloca.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace
{
constexpr int THREADS = 20;
constexpr unsigned LIFE_S = 120;

struct Guard { // its destructor runs while an exception passes
	std::string text;
	explicit Guard(unsigned random) : text(random % 100 + 20, 'g')
	{
	}
	~Guard()
	{
		std::string copy = text + "end";
	}
};

struct Shape {
	virtual ~Shape() = default;
	virtual std::string name(unsigned random) const = 0;
};

[[noreturn]] __attribute__((noinline)) void fail(unsigned random)
{
	throw std::runtime_error(std::string(random % 80 + 30, 'e'));
}

__attribute__((noinline)) void aligned(unsigned random, int depth);

// The last instruction is a call that does not return: the return address is in the next function.
__attribute__((noinline)) void ends_in_call(unsigned random)
{
	Guard guard(random);

	if (random % 3)
		fail(random);
	std::vector<int>(random % 10).at(random);
}

__attribute__((noinline)) void on_stack(unsigned random, int depth)
{
	char *room = static_cast<char *>(alloca(random % 500 + 1));
	Guard guard(random);

	std::memset(room, 1, random % 500 + 1);
	if (depth > 0)
		aligned(random / 3 + room[0], depth - 1);
	else
		ends_in_call(random);
}

__attribute__((noinline)) void aligned(unsigned random, int depth)
{
	alignas(64) char line[128];
	char *room = static_cast<char *>(alloca(random % 200 + 1));
	auto text = std::make_unique<std::string>(random % 60 + 20, 'a');

	std::memset(line, 1, sizeof(line));
	std::memset(room, 1, random % 200 + 1);
	on_stack(random / 2 + line[random % 128] + room[0], depth);
}

struct Round : Shape {
	std::string name(unsigned random) const override
	{
		std::ostringstream out;

		out << "round " << random << ' ' << 1.5 * random;
		return out.str();
	}
};

struct Square : Shape {
	std::string name(unsigned random) const override
	{
		return std::regex_replace("the square of " + std::to_string(random), std::regex("[aeiou]+"), "<$&>");
	}
};

void turn(unsigned random)
{
	std::map<std::string, std::function<std::string(unsigned)>> table;
	std::unique_ptr<Shape> shape;

	if (random % 2)
		shape = std::make_unique<Round>();
	else
		shape = std::make_unique<Square>();
	table[shape->name(random)] = [&](unsigned r) { return shape->name(r); };
	for (auto &entry : table)
		entry.second(random / 2);
	try {
		on_stack(random, static_cast<int>(random % 6));
	} catch (const std::out_of_range &e) {
		std::string what = e.what();
	} catch (const std::exception &e) {
		try {
			std::throw_with_nested(std::logic_error(e.what()));
		} catch (const std::exception &) {
		}
	}
}

void work(unsigned seed)
{
	for (;;) {
		seed = seed * 1103515245 + 12345;
		turn(seed >> 8);
	}
}
} // namespace

int main()
{
	std::vector<std::thread> threads;

	alarm(LIFE_S);
	for (unsigned i = 0; i < THREADS; i++)
		threads.emplace_back(work, i + 1);
	std::puts("ready");
	std::fflush(stdout);
	for (auto &t : threads)
		t.join();
}
