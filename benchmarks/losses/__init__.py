"""The usual way beside this store, under the same load and the same kills: what each loses. `make usual-way`."""
