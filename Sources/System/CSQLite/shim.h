#pragma once
#include <sqlite3.h>
#include <stdint.h>

/// `SQLITE_TRANSIENT` is a function-pointer cast and does not import into Swift.
static inline int csqlite_bind_text_copy(sqlite3_stmt *stmt, int index, const char *bytes, uint64_t count) {
    return sqlite3_bind_text64(stmt, index, bytes, count, SQLITE_TRANSIENT, SQLITE_UTF8);
}
/// As above.
static inline int csqlite_bind_blob_copy(sqlite3_stmt *stmt, int index, const void *bytes, uint64_t count) {
    return sqlite3_bind_blob64(stmt, index, bytes, count, SQLITE_TRANSIENT);
}
/// `sqlite3_db_config` is variadic and does not import into Swift.
static inline int csqlite_set_flag(sqlite3 *db, int flag, int value) {
    return sqlite3_db_config(db, flag, value, (int *)0);
}
/// Without its sums of the memory that is in use, for each of which every allocation takes a lock of the whole process. Of
/// no effect once SQLite is in use.
static inline int csqlite_count_no_memory(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }
/// A file of a VFS written in Swift; Swift does not promise the layout of its own structs.
typedef struct {
    sqlite3_file base;
    void *context;
} csqlite_file;
