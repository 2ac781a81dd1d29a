-- Who read what stands in the trail, each time and with its purpose; here was once a day.
DROP TABLE reading;
