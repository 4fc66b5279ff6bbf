"""Pictures of the dashboards: `make pictures` draws each of them with Grafana's own libraries in a real browser.

`estates` plays a day of simulated sites on a driven clock, `history` makes a Prometheus of it, `drawing` has the page
of `page/` draw a dashboard and takes its picture, `checks` judges what the page tells of it. For those who change the
dashboards; no part of the exporter.
"""
