/* For what analyzes C and counts its branches (-include): these functions of
   Lua never return, which Lua's headers do not say. */
struct lua_State;

int lua_error(struct lua_State *L) __attribute__((noreturn));
int luaL_argerror(struct lua_State *L, int argument, const char *message)
  __attribute__((noreturn));
int luaL_error(struct lua_State *L, const char *format, ...)
  __attribute__((noreturn));
