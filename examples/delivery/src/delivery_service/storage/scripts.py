"""The changes of deliveries and couriers, each one script: it happens whole, once, and to nobody else's in between.

Each may be run again, and changes nothing then. Keys:

    delivery:order:<id>       hash   a delivery; it goes a while after it has ended
    delivery:courier:<id>     hash   a courier: where they are, whether they work, what they bring
    delivery:couriers:free    geo    those who work and bring nothing
    delivery:couriers:heard   zset   when couriers last said where they are; who is silent for too long is in neither
    delivery:waiting          zset   orders without a courier, the longest waiting first
    delivery:untold           zset   `<order>:<news>` that Kafka has not taken yet, by the time it happened
"""

from typing import Final

from chassis.redis.locks import Fenced
from chassis.redis.scripts import Script

KEEP_SECONDS: Final = 7 * 24 * 3600
"""How long a delivery is remembered after it has ended."""

FREE: Final = "delivery:couriers:free"
HEARD: Final = "delivery:couriers:heard"
WAITING: Final = "delivery:waiting"
UNTOLD: Final = "delivery:untold"
LOCK: Final = "delivery:dispatch"
"""Who holds it gives couriers to orders that wait."""


def order_key(order_id: str) -> str:
    """The key of a delivery."""
    return f"delivery:order:{order_id}"


def courier_key(courier_id: str) -> str:
    """The key of a courier."""
    return f"delivery:courier:{courier_id}"


_COMMON = f"""
    local FREE, HEARD, WAITING, UNTOLD, KEEP = '{FREE}', '{HEARD}', '{WAITING}', '{UNTOLD}', {KEEP_SECONDS}
    local function order_key(id) return 'delivery:order:' .. id end
    local function courier_key(id) return 'delivery:courier:' .. id end
    local function milliseconds()
        local now = redis.call('TIME')
        return now[1] * 1000 + math.floor(now[2] / 1000)
    end
    local function tell(order, news, now, headers)
        redis.call('HSET', order_key(order), news .. '_at', now, news .. '_headers', headers)
        redis.call('ZADD', UNTOLD, milliseconds(), order .. ':' .. news)
    end
    local function set_free(courier)
        redis.call('HDEL', courier_key(courier), 'order_id')
        local is = redis.call('HMGET', courier_key(courier), 'available', 'longitude', 'latitude')
        local heard = redis.call('ZSCORE', HEARD, courier)
        if is[1] == '1' and heard then redis.call('GEOADD', FREE, is[2], is[3], courier) end
    end
    local function finish(order, state)
        local courier = redis.call('HGET', order_key(order), 'courier_id')
        if courier and redis.call('HGET', courier_key(courier), 'order_id') == order then set_free(courier) end
        redis.call('ZREM', WAITING, order)
        redis.call('HSET', order_key(order), 'state', state)
        redis.call('EXPIRE', order_key(order), KEEP)
    end
    -- By the word of the order service, which need not be told of it.
    local function close(order, state)
        local before = redis.call('HGET', order_key(order), 'state')
        if before == 'waiting' or before == 'assigned' then
            finish(order, state)
            redis.call('ZREM', UNTOLD, order .. ':delivery_assigned')
        end
        return before
    end
    -- Who has said nothing for so long may be anywhere; they are free again when they say where they are.
    local function forget_silent(seconds)
        local since = milliseconds() - seconds * 1000
        for _, courier in ipairs(redis.call('ZRANGE', HEARD, '-inf', since, 'BYSCORE')) do
            redis.call('ZREM', FREE, courier)
            redis.call('ZREM', HEARD, courier)
        end
    end
    local function assign(order, longitude, latitude, radius, now)
        local found = redis.call('GEOSEARCH', FREE, 'FROMLONLAT', longitude, latitude,
                                 'BYRADIUS', radius, 'km', 'ASC', 'COUNT', 1)
        if not found[1] then return false end
        local is = redis.call('HMGET', courier_key(found[1]), 'longitude', 'latitude')
        redis.call('ZREM', FREE, found[1])
        redis.call('HSET', courier_key(found[1]), 'order_id', order)
        redis.call('ZREM', WAITING, order)
        redis.call('HSET', order_key(order), 'state', 'assigned', 'courier_id', found[1],
                   'longitude', is[1], 'latitude', is[2])
        tell(order, 'delivery_assigned', now, redis.call('HGET', order_key(order), 'paid_headers'))
        return true
    end
"""

# order, user, headers, now, longitude, latitude, radius, seconds of silence -> whether it is new
PAID: Final = Script(
    "order paid",
    _COMMON
    + """
    local order, user, headers, now, longitude, latitude, radius, silent = unpack(ARGV)
    if redis.call('EXISTS', order_key(order)) == 1 then return 0 end
    forget_silent(silent)
    redis.call('HSET', order_key(order), 'state', 'waiting', 'user_id', user, 'paid_headers', headers)
    -- Behind those who wait already.
    if redis.call('ZCARD', WAITING) > 0 or not assign(order, longitude, latitude, radius, now) then
        redis.call('ZADD', WAITING, milliseconds(), order)
    end
    return 1
    """,
)

# (token), now, longitude, latitude, radius, seconds of silence -> the order that has got a courier, if any
NEXT: Final = Fenced(
    "assign next",
    _COMMON
    + """
    local _, now, longitude, latitude, radius, silent = unpack(ARGV)
    forget_silent(silent)
    local order = redis.call('ZRANGE', WAITING, 0, 0)[1]
    if order and assign(order, longitude, latitude, radius, now) then return order end
    return false
    """,
)

# order -> the state before, if it is known
CANCELLED: Final = Script(
    "order cancelled",
    _COMMON
    + """
    return close(ARGV[1], 'cancelled')
    """,
)

# order -> the state before, if it is known
DELIVERED: Final = Script(
    "order delivered",
    _COMMON
    + """
    return close(ARGV[1], 'completed')
    """,
)

# order, courier, now, headers -> the state before, if it is known and the order with this courier
COMPLETE: Final = Script(
    "delivery complete",
    _COMMON
    + """
    local order, courier, now, headers = unpack(ARGV)
    local is = redis.call('HMGET', order_key(order), 'state', 'courier_id')
    if is[2] ~= courier then return is[1] and 'another' end
    if is[1] == 'assigned' then
        finish(order, 'completed')
        tell(order, 'delivery_completed', now, headers)
    end
    return is[1]
    """,
)

# order, minutes, estimated -> the minutes and estimated that hold: the first ones that were said
ETA: Final = Script(
    "eta",
    _COMMON
    + """
    local order, minutes, estimated = unpack(ARGV)
    if redis.call('EXISTS', order_key(order)) == 0 then return {minutes, estimated} end
    if redis.call('HSETNX', order_key(order), 'eta_minutes', minutes) == 1 then
        redis.call('HSET', order_key(order), 'eta_estimated', estimated)
    end
    return redis.call('HMGET', order_key(order), 'eta_minutes', 'eta_estimated')
    """,
)

# courier, longitude, latitude, available, only if new -> whether anything was done
REPORT: Final = Script(
    "courier report",
    _COMMON
    + """
    local courier, longitude, latitude, available, new = unpack(ARGV)
    if new == '1' and redis.call('EXISTS', courier_key(courier)) == 1 then return 0 end
    redis.call('HSET', courier_key(courier), 'longitude', longitude, 'latitude', latitude, 'available', available)
    redis.call('ZADD', HEARD, milliseconds(), courier)
    if available == '1' and redis.call('HEXISTS', courier_key(courier), 'order_id') == 0 then
        redis.call('GEOADD', FREE, longitude, latitude, courier)
    else
        redis.call('ZREM', FREE, courier)
    end
    return 1
    """,
)

# most -> the oldest that are not told, each with its age in milliseconds
OLDEST: Final = Script(
    "untold",
    _COMMON
    + """
    local found, now = redis.call('ZRANGE', UNTOLD, 0, ARGV[1] - 1, 'WITHSCORES'), milliseconds()
    for n = 2, #found, 2 do found[n] = now - found[n] end
    return found
    """,
)
