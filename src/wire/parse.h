/* parse: what every parser answers. */
#ifndef WIRE_PARSE_H
#define WIRE_PARSE_H

enum parse { PARSE_OK, PARSE_MORE, PARSE_BAD };

#endif
