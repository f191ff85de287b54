/* How the wmlb command reads a point in time. */
#define _DEFAULT_SOURCE /* timegm */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "generations.h"

/* Moves past so many digits, and gives their number; -1 where there are others. */
static int digits(const char **at, int count)
{
    int number = 0;

    for (; count > 0; count--, (*at)++) {
        if (!isdigit((unsigned char)**at))
            return -1;
        number = 10 * number + (**at - '0');
    }
    return number;
}

static bool passes(const char **at, char wanted)
{
    if (**at != wanted)
        return false;
    (*at)++;
    return true;
}

/* Hours and minutes, with seconds or as the last second of the minute; in names without colons. */
static bool read_clock(const char **at, bool is_dense, struct tm *parts)
{
    parts->tm_hour = digits(at, 2);
    if (parts->tm_hour < 0 || (!is_dense && !passes(at, ':')))
        return false;
    parts->tm_min = digits(at, 2);
    parts->tm_sec = 59;
    if (parts->tm_min >= 0 && (is_dense || passes(at, ':')))
        parts->tm_sec = digits(at, 2);
    return parts->tm_hour <= 23 && parts->tm_min >= 0 && parts->tm_min <= 59 &&
           parts->tm_sec >= 0 && parts->tm_sec <= 59;
}

/* Z or an offset such as +01:00, in seconds; without one, the zone is that of the user. */
static bool read_zone(const char **at, bool *is_local, long *offset)
{
    int hours, minutes;
    bool is_east = **at == '+';

    *is_local = **at == 0;
    *offset = 0;
    if (*is_local || passes(at, 'Z'))
        return true;
    if (!passes(at, '+') && !passes(at, '-'))
        return false;
    hours = digits(at, 2);
    passes(at, ':');
    minutes = digits(at, 2);
    *offset = (is_east ? 60L : -60L) * (60L * hours + minutes);
    return hours >= 0 && hours <= 23 && minutes >= 0 && minutes <= 59;
}

static bool read_seconds(const char *text, int64_t *time)
{
    char *end;

    if (!isdigit((unsigned char)*text) || strlen(text) > 15)
        return false;
    *time = strtoll(text, &end, 10);
    return *end == 0;
}

bool read_time(const char *text, int64_t *time)
{
    struct tm parts = {.tm_isdst = -1}, checked;
    bool is_dense = strlen(text) < 5 || text[4] != '-', is_local = true;
    long offset = 0;
    time_t found;

    if (passes(&text, '@'))
        return read_seconds(text, time);
    parts.tm_year = digits(&text, 4) - 1900;
    if (!is_dense && !passes(&text, '-'))
        return false;
    parts.tm_mon = digits(&text, 2) - 1;
    if (!is_dense && !passes(&text, '-'))
        return false;
    parts.tm_mday = digits(&text, 2);
    if (parts.tm_year < -1900 || parts.tm_mon < 0 || parts.tm_mday < 1)
        return false;
    if (*text == 0) {
        parts.tm_hour = 23;
        parts.tm_min = parts.tm_sec = 59;
    } else if ((!passes(&text, 'T') && !passes(&text, ' ')) ||
               !read_clock(&text, is_dense, &parts) || !read_zone(&text, &is_local, &offset) ||
               *text != 0) {
        return false;
    }
    checked = parts;
    found = timegm(&checked); /* makes March 2 of a February 30 */
    if (checked.tm_mon != parts.tm_mon || checked.tm_mday != parts.tm_mday)
        return false;
    if (is_local)
        found = mktime(&parts);
    *time = (int64_t)found - offset;
    return true;
}
