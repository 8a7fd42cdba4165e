"""CronJobs: a job at every moment of a schedule.

::

    controller (watches; one key a cron job) --> syncing (one look: what ran, what is due, what to write)
                                                   +-- due (which moment was missed last, how long until the next)
                                                   +-- schedule (the moments of a cron schedule in a time zone)

A job's name holds the minute it was due, so none is made twice, whatever restarts in between.
Models pkg/controller/cronjob.
"""

from kube_nb.controllers.cronjob.controller import CronJobController

__all__ = ["CronJobController"]
