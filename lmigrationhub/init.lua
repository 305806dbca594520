-- The door of lmigrationhub, the AWS Migration Hub client for Lua.

local client = require "lmigrationhub.client"
local errors = require "lmigrationhub.errors"

return { new = client.new, is_error = errors.is_error, _VERSION = client.VERSION }
