"""The words of the field: request, bar, session, part, calendar. Pure: nothing here reads or writes anything."""
