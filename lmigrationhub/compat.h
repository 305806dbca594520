/* The names that Lua 5.1 and LuaJIT lack, and nothing else. */
#ifndef LMIGRATIONHUB_COMPAT_H
#define LMIGRATIONHUB_COMPAT_H

#include <lauxlib.h>
#include <lua.h>

#if LUA_VERSION_NUM == 501
#define lua_rawlen lua_objlen
#define lua_getuservalue lua_getfenv
#define lua_setuservalue lua_setfenv
#endif

/* LuaJIT has it, and this macro shows LuaJIT */
#if LUA_VERSION_NUM == 501 && !defined luaL_newlib
static inline void luaL_setfuncs(lua_State *L, const luaL_Reg *l,
                                 int upvalues) {
  for (; l->name != NULL; l++) {
    int i;
    for (i = 0; i < upvalues; i++) lua_pushvalue(L, -upvalues);
    lua_pushcclosure(L, l->func, upvalues);
    lua_setfield(L, -(upvalues + 2), l->name);
  }
  lua_pop(L, upvalues);
}

#define luaL_newlib(L, functions) \
  (lua_newtable(L), luaL_setfuncs(L, functions, 0))
#define luaL_setmetatable(L, name) \
  (luaL_getmetatable(L, name), (void)lua_setmetatable(L, -2))
#endif

#endif
