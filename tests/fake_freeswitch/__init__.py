"""A model of a FreeSWITCH: its event socket, channels, dialplan, recorders, phones and queues.

For tests where no FreeSWITCH is to be had. It is held to what a real 1.10.12 said and did: where
the two differ, this one is wrong.
"""
