/* text: a struct str in the initializer of a static table, where STR() may not stand. */
#ifndef TESTS_UNIT_TEXT_H
#define TESTS_UNIT_TEXT_H

#define TEXT(literal) { (literal), sizeof(literal) - 1 }

#endif
