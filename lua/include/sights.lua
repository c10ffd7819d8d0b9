-- Who sees a member with that mark (include/shelves.lua): 0 everybody, 1 nobody, 2 nobody but the member.
local function sight_of(mark)
  local by_ban = string.sub(mark, 2, 2)
  return tonumber(by_ban ~= '0' and by_ban or string.sub(mark, 1, 1))
end
