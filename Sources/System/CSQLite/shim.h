#pragma once
#include <sqlite3.h>
#include <stdint.h>
